"""The command line: `holdfast add`, `holdfast search` and the rest, for people and for scripts.

`app` is the typer application. The command `holdfast` and `python -m holdfast_cli` run it.
"""

import lazy_loader

# `app` is imported on first use, so that `__main__` can report a missing package in one line instead of a traceback.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
