"""A tiny model for tests: an OpenAI-compatible server on loopback that does what a question tells it to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer:
    """`with ModelServer() as model: model.url`; the question decides what becomes of it.

    Attributes:
        asked: the decoded bodies that arrived, with their paths.
        busiest: how many requests were there at once at most.
        gate: answers wait for it.
    """

    def __init__(self):
        self.asked = []
        self.busiest = 0
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        self._present = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path, body):
        """Return status and document."""
        with self._lock:
            self.asked.append((path, body))
            self._present += 1
            self.busiest = max(self.busiest, self._present)
        self.gate.wait(20)
        with self._lock:
            self._present -= 1
        if path.endswith("/embeddings"):
            return 200, {"object": "list", "data": [{"embedding": [0.5]} for _ in body["input"]]}
        question = body["messages"][-1]["content"]
        if question in ANSWERS:
            return ANSWERS[question]
        message = {"role": "assistant", "content": f"The model says: {question}"}
        return 200, {"id": "chat-1", "model": body["model"], "choices": [{"message": message}]}

    def answer_later(self, path, body):
        """Refuse a question once, then answer it."""
        question = body.get("messages", [{}])[-1].get("content")
        if question == "busy once" and not any(seen["messages"][-1]["content"] == question for _, seen in self.asked):
            with self._lock:
                self.asked.append((path, body))
            return 503, {"error": {"message": "loading"}}
        return self.answer(path, body)


ANSWERS = {
    "too long": (400, {"error": {"code": "context_length_exceeded", "type": "invalid", "message": "Too long."}}),
    "no type": (500, {"error": {"message": "It broke."}}),
    "text": (418, b"I am a teapot"),
    "not json": (200, b"hello"),
    "a list": (200, [1]),
    "error in 200": (200, {"error": "overloaded"}),
    "huge": (200, {"text": "x" * (5 * 1024 * 1024)}),
    "redirect": (302, {}),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, document = self.model.answer_later(self.path, body)
        content = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:  # given up meanwhile
            self.close_connection = True

    def log_message(self, *_):
        pass
