"""The embedded local cloud: both protocols of the platform on loopback, a simulated batch engine behind."""

from tui.localcloud.assumptions import Assumptions
from tui.localcloud.cloud import CloudInfo, LocalCloud
from tui.localcloud.faults import ALWAYS, Fault

__all__ = ["ALWAYS", "Assumptions", "CloudInfo", "Fault", "LocalCloud"]
