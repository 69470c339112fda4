"""What goes wrong, as one line and an exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass

import typer

from holdfast import ConfigError, InvalidInput, NotFound, ProviderError, StorageError
from holdfast_cli.printing import without_controls

NOTHING_FOUND = 1
BAD_INPUT = 2
SERVICE_FAILED = 3

_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (NotFound, NOTHING_FOUND),
    (InvalidInput, BAD_INPUT),
    (ConfigError, BAD_INPUT),
    (ImportError, BAD_INPUT),  # an engine whose package is missing; the message says what to install
    (StorageError, SERVICE_FAILED),
    (ProviderError, SERVICE_FAILED),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected failure: its name, one sentence, and how the process ends."""

    kind: str
    message: str
    exit_code: int


def failure_of(error: Exception) -> Failure | None:
    """Return what to tell about `error`, `None` when it is no failure but a defect or a regular exit."""
    for kind, exit_code in _EXIT_CODES:
        if isinstance(error, kind):
            return Failure(type(error).__name__, str(error), exit_code)
    # typer brings its own copy of click from some version on: a usage error is known by what it can do.
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "holdfast"
    return Failure("UsageError", f"{format_message().rstrip('.')}. See '{command} --help'.", BAD_INPUT)


def report(failure: Failure, *, as_json: bool) -> None:
    """Write `failure` to stderr."""
    if as_json:
        typer.echo(json.dumps({"error": {"type": failure.kind, "message": failure.message}}), err=True)
        return
    line = " ".join(without_controls(failure.message).split())
    typer.secho("error: ", nl=False, err=True, fg=typer.colors.RED)
    typer.echo(line, err=True)
