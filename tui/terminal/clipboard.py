"""Copying over SSH: OSC 52 asks the operator's own terminal to take a text, through multiplexers if there are any.

The terminal does not answer, so a copy is sent and never confirmed. tmux does answer, and is asked itself.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from typing import Final

MAX_BASE64: Final = 74_994
"""Longest text, in base64, that terminals are known to take in one sequence."""

_SCREEN_CHUNK: Final = 240  # GNU screen prints what is longer than 256 bytes
_TMUX_SECONDS: Final = 2.0


def fits(text: str) -> bool:
    """Tell whether terminals take a text of this length."""
    return len(_encoded(text)) <= MAX_BASE64


def inside_tmux(environ: Mapping[str, str]) -> bool:
    """Tell whether tmux lies between here and the operator's terminal."""
    return bool(environ.get("TMUX")) or environ.get("TERM", "").startswith("tmux")


def load_into_tmux(text: str, environ: Mapping[str, str]) -> bool:
    """Give tmux a text for its own buffer and for the terminal outside; return whether it took it.

    By this way it passes a text on whatever its `set-clipboard` says; what a program writes it passes on only with
    `on`, and stock tmux has `external`. It blocks, as it runs tmux's client.

    Args:
        text: of a length that `fits`.
        environ: the process environment, which says where tmux listens.
    """
    if not environ.get("TMUX"):  # on another machine, at the far end of a line
        return False
    try:
        ended = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],  # noqa: S607  # of the operator's PATH, as they run it
            input=text.encode("utf-8", "replace"),
            env=environ,
            capture_output=True,
            timeout=_TMUX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def copy_sequence(text: str, environ: Mapping[str, str]) -> str:
    """Return what to write to the terminal so that its clipboard holds `text`.

    Inside tmux the sequence goes twice: to tmux itself, which takes it with `set-clipboard on`, and wrapped, which
    the outer terminal gets with `allow-passthrough on`. GNU screen passes it on in pieces.

    Args:
        text: without control characters, of a length that `fits`.
        environ: the process environment, which tells multiplexers.
    """
    sequence = f"\x1b]52;c;{_encoded(text)}\a"
    if inside_tmux(environ):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"{sequence}\x1bPtmux;{doubled}\x1b\\"
    if environ.get("STY") or environ.get("TERM", "").startswith("screen."):
        pieces = (sequence[at : at + _SCREEN_CHUNK] for at in range(0, len(sequence), _SCREEN_CHUNK))
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()
