"""How a local cloud is to be: the one list that the class, the child process and the command choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tui.localcloud.assumptions import DEFAULTS, Assumptions, format_assumptions
from tui.localcloud.failures import OptionError
from tui.localcloud.fault_spec import format_fault
from tui.localcloud.faults import Fault

DEFAULT_REGION: Final = "cn-beijing"
DEFAULT_SPEED: Final = 200.0
MIN_SPEED: Final = 1e-3
MAX_SPEED: Final = 1e9


class CloudOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a local cloud.

    Attributes:
        data: keeps jobs, objects and keys across restarts; a temporary folder, gone at the end, when None.
        port: of the Ark OpenAPI, the object store taking the next one; 0 for any two.
        region: that clients must sign for.
        speed: requests per second of each job, 0.001 to 1e9; 0 for as fast as it can.
        seed: of answers and their order.
        faults: what shall go wrong.
        log: a file that gets a line of JSON for every request.
        assume: choices where the platform's behaviour is not known.
        scene: what fills an empty cloud before it serves, one of `scenes.SCENES`; nothing when None.
        model_url: an OpenAI-compatible endpoint on loopback that answers the requests; simulated answers when None.

    Raises:
        OptionError: the speed is none.
    """

    data: Path | None = None
    port: int = 0
    region: str = DEFAULT_REGION
    speed: float = DEFAULT_SPEED
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    log: Path | None = None
    assume: Assumptions = DEFAULTS
    scene: str | None = None
    model_url: str | None = None

    def __post_init__(self) -> None:
        if not (self.speed == 0 or MIN_SPEED <= self.speed <= MAX_SPEED):
            raise OptionError(f"the speed cannot be {self.speed}: it takes 0, or from {MIN_SPEED:g} to {MAX_SPEED:g}")

    def arguments(self) -> list[str]:
        """Return the command line of a child process with these options."""
        single = ("data", "port", "region", "speed", "seed", "log")
        given = [f"--{name}={value}" for name in single if (value := getattr(self, name)) is not None]
        given += [f"--scene={self.scene}"] if self.scene else []
        given += [f"--model-url={self.model_url}"] if self.model_url else []
        given += [f"--fault={format_fault(fault)}" for fault in self.faults]
        return given + [f"--assume={text}" for text in format_assumptions(self.assume)]
