"""The same file of requests as the flows have."""

from tests.flows.conftest import requests_file

__all__ = ["requests_file"]
