"""The command line: `holdfast add`, `holdfast search` and the rest, for people and for scripts.

`app` is the typer application; `python -m holdfast_cli` and the command `holdfast` run it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_cli.application import app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that the command can say what to install instead of showing a traceback.
    if name != "app":
        raise AttributeError(f"module 'holdfast_cli' has no attribute {name!r}")
    try:
        import rich  # noqa: F401, PLC0415
        import typer  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError('the command line needs typer and rich: pip install "holdfast[cli]"') from error
    from holdfast_cli.application import app  # noqa: PLC0415

    return app
