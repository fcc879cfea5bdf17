"""A client of the Ark OpenAPI for tests: signs and sends one request, and hands back what came."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import httpx


class RefusedError(Exception):
    """The service answered with an error."""

    def __init__(self, status, error):
        super().__init__(f"{status} {error['Code']}: {error['Message']}")
        self.status = status
        self.code = error["Code"]
        self.number = error.get("CodeN")
        self.message = error["Message"]


class ArkCaller:
    """Calls one cloud's Ark OpenAPI; every keyword of `call` is a field of the body."""

    def __init__(self, info, project="default"):
        self.info = info
        self.project = project
        self.http = httpx.Client(base_url=info.ark_endpoint, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def call(self, action, **fields):
        return self.send(f"Action={action}&Version=2024-01-01", json.dumps(fields).encode())

    def send(self, query, body=b"{}"):
        """Send a signed request and return its Result."""
        response = self.http.post(f"/?{query}", content=body, headers=self.sign(query, body))
        envelope = response.json()
        if error := envelope["ResponseMetadata"].get("Error"):
            raise RefusedError(response.status_code, error)
        assert response.status_code == 200
        return envelope["Result"]

    def sign(self, query, body, *, secret_key=None, at=None):
        """The headers that make a request valid; the query must be sorted and encoded already."""
        date = f"{at or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        digest = hashlib.sha256(body).hexdigest()
        host = self.info.ark_endpoint.removeprefix("http://")
        signed = f"host:{host}\nx-content-sha256:{digest}\nx-date:{date}\n"
        names = "host;x-content-sha256;x-date"
        canonical = "\n".join(["POST", "/", query, signed, names, digest])
        scope = f"{date[:8]}/{self.info.region}/ark/request"
        key = (secret_key or self.info.secret_key).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"{self.info.access_key}/{scope}"
        return {
            "X-Date": date,
            "X-Content-Sha256": digest,
            "Content-Type": "application/json",
            "Authorization": f"HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}",
        }

    def create(self, key="data.jsonl", **changes):
        """Create a job as the tutorial does and return its id."""
        fields = {
            "Name": "just_test",
            "ProjectName": self.project,
            "ModelReference": {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240615"}},
            "InputFileTosLocation": {"BucketName": self.info.bucket, "ObjectKey": key},
            "OutputDirTosLocation": {"BucketName": self.info.bucket, "ObjectKey": "output/"},
        }
        return self.call("CreateBatchInferenceJob", **(fields | changes))["Id"]

    def get(self, job_id):
        return self.call("GetBatchInferenceJob", Id=job_id)

    def phase(self, job_id):
        return self.get(job_id)["Status"]["Phase"]

    def ids(self, **fields):
        return [item["Id"] for item in self.list(**fields)["Items"]]

    def list(self, **fields):
        return self.call("ListBatchInferenceJobs", **({"ProjectName": self.project} | fields))
