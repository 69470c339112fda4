from .application import app as app

__all__ = ["app"]
