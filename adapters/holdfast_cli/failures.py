"""Report failures as one line and an exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass

import typer

from holdfast import ConfigError, InvalidInput, NotFound, ProviderError, StorageError
from holdfast_cli.output import replace_controls

NOTHING_FOUND = 1
BAD_INPUT = 2
SERVICE_FAILED = 3

_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (NotFound, NOTHING_FOUND),
    (InvalidInput, BAD_INPUT),
    (ConfigError, BAD_INPUT),
    (ImportError, BAD_INPUT),  # the package of an engine is missing; the message names the install command
    (StorageError, SERVICE_FAILED),
    (ProviderError, SERVICE_FAILED),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected failure: the name of the error, one sentence, and the exit code."""

    kind: str
    message: str
    exit_code: int


def to_failure(error: Exception) -> Failure | None:
    """Return the failure to report for `error`, `None` if it is a bug or a regular exit."""
    for kind, exit_code in _EXIT_CODES:
        if isinstance(error, kind):
            return Failure(type(error).__name__, str(error), exit_code)
    # Newer releases of typer contain a copy of click, so a usage error is recognised by its method, not by its class.
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "holdfast"
    return Failure("UsageError", f"{format_message().rstrip('.')}. See '{command} --help'.", BAD_INPUT)


def report_failure(failure: Failure, *, as_json: bool) -> None:
    """Write `failure` to stderr."""
    if as_json:
        typer.echo(json.dumps({"error": {"type": failure.kind, "message": failure.message}}), err=True)
        return
    line = " ".join(replace_controls(failure.message).split())
    typer.secho("error: ", nl=False, err=True, fg=typer.colors.RED)
    typer.echo(line, err=True)
