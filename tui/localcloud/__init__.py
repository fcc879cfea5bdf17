"""The embedded local cloud: both protocols of the platform on loopback, a simulated batch engine behind."""

from tui.localcloud.cloud import CloudInfo, LocalCloud

__all__ = ["CloudInfo", "LocalCloud"]
