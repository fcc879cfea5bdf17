"""arkdeck: the flight deck for Volcengine Ark batch inference."""

__version__ = "0.1.0"
