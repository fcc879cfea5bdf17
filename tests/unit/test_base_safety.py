"""Secrets that nobody sees, and log lines that nobody forges."""

from __future__ import annotations

import base64
import copy
import io
import json
import logging
import pickle
import subprocess
import sys
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import safety
from tui.safety import RedactingFormatter, Secret, redact, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUE = "not/a+secret=0123456789 &x"
SECRET = Secret(VALUE)


# Secret


@pytest.mark.parametrize("form", ["{}", "{!r}", "{!s}", "{:>40}", "{0!r:>40}"])
def test_a_secret_shows_a_mask(form: str) -> None:
    assert form.format(SECRET).strip() == "***"


def test_a_container_of_secrets_shows_masks() -> None:
    assert str([SECRET, {"key": SECRET}]) == "[***, {'key': ***}]"


def test_a_secret_is_given_only_to_who_asks() -> None:
    assert SECRET.reveal() == VALUE


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(SECRET, protocol)


def test_a_secret_is_not_copied_nor_made_json() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)
    with pytest.raises(TypeError):
        json.dumps(SECRET)


def test_a_secret_has_no_attributes_to_list() -> None:
    assert not hasattr(SECRET, "__dict__")


def test_equal_secrets_are_equal_and_no_secret_is_its_text() -> None:
    assert Secret("same-secret-0") == Secret("same-secret-0")
    assert hash(Secret("same-secret-0")) == hash(Secret("same-secret-0"))
    assert Secret("same-secret-0") != Secret("other-secret-0")
    assert Secret("same-secret-0") != "same-secret-0"


# Redaction


@pytest.mark.parametrize(
    "leak",
    [
        VALUE,
        urllib.parse.quote(VALUE),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote_plus(VALUE),
        base64.b64encode(VALUE.encode()).decode(),
        repr(VALUE),
    ],
)
def test_a_known_secret_is_masked_in_every_form(leak: str) -> None:
    assert redact(f"GET /?q={leak} failed") in ("GET /?q=*** failed", "GET /?q='***' failed")


SIGNED = (
    "HMAC-SHA256 Credential=AKTESTONLY/20260101/cn-beijing/ark/request, SignedHeaders=host;x-date, Signature=00deadbeef"
)


@pytest.mark.parametrize(
    "leak",
    [
        f"Authorization: {SIGNED}",
        f"'Authorization': '{SIGNED}'",
        f'"authorization": "{SIGNED}"',
        f'{{\\"Authorization\\": \\"{SIGNED}\\"}}',
        f"(b'Authorization', b'{SIGNED}')",
        "Authorization: Bearer 00deadbeef",
        "authorization=Basic 00deadbeef",
        "X-Security-Token: 00deadbeef",
        "x-tos-security-token=00deadbeef&x=1",
        "(b'x-tos-security-token', b'00deadbeef')",
        "X-Tos-Signature=00deadbeef",
        "&X-Signature=00deadbeef",
        "'SessionToken': '00deadbeef'",
        "VOLCENGINE_SECRET_KEY=00deadbeef",
        '"SecretAccessKey": "00 dead, 00deadbeef"',
        "password: 00deadbeef",
        "passphrase='one two 00deadbeef'",
        "AKLT00deadbeef00deadbeef",
        "STS2" + "00deadbeef" * 5,
    ],
)
def test_what_looks_like_a_secret_is_masked(leak: str) -> None:
    redacted = redact(f"sent {leak}\nnext line")
    assert "deadbeef" not in redacted
    assert redacted.endswith("\nnext line")
    assert "AKTESTONLY" not in redacted


@pytest.mark.parametrize(
    "harmless",
    [
        "HTTP 403 SignatureDoesNotMatch for https://tos-cn-beijing.volces.com/my-batch",
        "authorization, as the manual says, is by keys",
        "AKLT is how access keys begin",
        "uploaded train.jsonl 1.2 GiB",
    ],
)
def test_ordinary_text_is_not_masked(harmless: str) -> None:
    assert redact(harmless) == harmless


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40), st.text(), st.text())
def test_no_known_secret_survives_redaction(value: str, before: str, after: str) -> None:
    known = set(safety._known_secrets)
    try:
        Secret(value)
        assert value not in redact(before + value + after).replace("***", "\0")
    finally:
        safety._known_secrets.intersection_update(known)


# Logging


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.Logger("arkdeck-test")
    logger.addHandler(handler)
    yield logger, stream
    handler.close()


def test_a_secret_in_the_arguments_is_masked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("refused %s and %r", VALUE, {"key": SECRET})
    assert stream.getvalue() == "WARNING arkdeck-test: refused *** and {'key': ***}\n"


def test_a_secret_in_a_traceback_is_masked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    try:
        int(VALUE)
    except ValueError:
        logger.exception("failed")
    assert "invalid literal for int() with base 10: '***'" in stream.getvalue()
    assert VALUE not in stream.getvalue()


def test_a_secret_in_a_message_that_cannot_be_formatted_is_masked(
    log: tuple[logging.Logger, io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, stream = log
    logger.warning("%d bytes", VALUE)
    assert stream.getvalue().startswith("WARNING arkdeck-test: '%d bytes' with ('***',)")
    assert capsys.readouterr().err == ""


def test_a_name_cannot_forge_a_record_nor_reach_the_terminal(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.warning("job %s", "x\nCRITICAL root: all gone\r\x1b[31m\x9b2J\u202e\u2028")
    assert stream.getvalue() == (
        "WARNING arkdeck-test: job x\n"
        "    | CRITICAL root: all gone\\x0d\\x1b[31m\\x9b2J\\x202e\\x2028\n"
    )  # fmt: skip


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = ("tos", "tos.checkpoint", "tos.credential", "urllib3", "httpx", "httpcore", "asyncio")
    loggers = [logging.getLogger(name) for name in names]
    handlers = root.handlers
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    root.handlers = handlers
    for logger, (its_handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = its_handlers, propagate
        logger.setLevel(level)


@pytest.mark.usefixtures("untouched_logging")
@pytest.mark.parametrize("name", ["tos", "urllib3", "httpx", "asyncio"])
def test_a_library_s_warnings_are_redacted_and_its_chatter_is_dropped(name: str) -> None:
    stream = io.StringIO()
    set_up_logging(stream)
    logging.getLogger(name).debug("canonical request with %s", VALUE)
    logging.getLogger(name).warning("retrying with %s", VALUE)
    assert stream.getvalue() == f"WARNING {name}: retrying with ***\n"


# Start-up


def hardened(program: str, **environ: str) -> str:
    code = f"import os, resource, sys\nfrom tui.safety import harden\nharden()\n{program}"
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout


def test_after_start_up_files_are_private() -> None:
    assert hardened("print(oct(os.umask(0)))") == "0o77\n"


def test_after_start_up_no_core_is_dumped() -> None:
    assert hardened("print(resource.getrlimit(resource.RLIMIT_CORE))") == "(0, 0)\n"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_after_start_up_the_process_cannot_be_traced() -> None:
    get_dumpable = 3
    assert hardened(f"import ctypes\nprint(ctypes.CDLL(None).prctl({get_dumpable}, 0, 0, 0, 0))") == "0\n"


def test_variables_that_would_log_every_key_are_dropped() -> None:
    shown = hardened("print([name for name in os.environ if 'TEXTUAL' in name])", TEXTUAL="x", TEXTUAL_LOG="y")
    assert shown == "[]\n"
