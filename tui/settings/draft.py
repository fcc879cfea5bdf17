"""A job that is being put together, as it was typed: kept until it is sent, whatever happens meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator has chosen and typed so far; an empty field means what is usual.

    Attributes:
        file: the input's absolute path, as bytes, since not every name is text.
        model: `NAME`, `NAME@VERSION`, or the id of a custom model.
        window: days, 1 to 28.
        tags: `KEY=VALUE`, divided by blanks.
        create_bucket: make the bucket if it is missing.
        parent: the job whose remainder the input is.
        nonce: makes it another job than the one that the same content has; empty where that one is to be taken.
    """

    file: bytes = b""
    model: str = ""
    window: str = ""
    name: str = ""
    description: str = ""
    project: str = ""
    tags: str = ""
    bucket: str = ""
    input_prefix: str = ""
    output_prefix: str = ""
    create_bucket: bool = False
    parent: str = ""
    nonce: str = ""

    @property
    def path(self) -> Path | None:
        """The input, once one is chosen."""
        return Path(os.fsdecode(self.file)) if self.file else None
