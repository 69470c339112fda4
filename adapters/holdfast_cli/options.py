"""The options that several commands share, and how their values are read."""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Annotated, Any

import typer

from holdfast import InvalidInput

_SCOPE = "Scope"
_STORE = "Store and output"

UserId = Annotated[str | None, typer.Option("--user-id", help="The user.", rich_help_panel=_SCOPE)]
AgentId = Annotated[str | None, typer.Option("--agent-id", help="The agent.", rich_help_panel=_SCOPE)]
RunId = Annotated[str | None, typer.Option("--run-id", help="The session.", rich_help_panel=_SCOPE)]
AppId = Annotated[str | None, typer.Option("--app-id", help="The application.", rich_help_panel=_SCOPE)]

Path = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="FILE",
        help="The store; by default memory.db in $HOLDFAST_DIR or your data folder.",
        rich_help_panel=_STORE,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_STORE)]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm",
        metavar="PRESET",
        help="The model that extracts facts: rules, openai, ollama, groq, ...",
        rich_help_panel=_STORE,
    ),
]
JudgingLlm = Annotated[
    str | None,
    typer.Option(
        "--llm", metavar="PRESET", help="The model that judges: openai, ollama, groq, ...", rich_help_panel=_STORE
    ),
]
Reranker = Annotated[
    str | None,
    typer.Option(
        "--reranker", metavar="PRESET", help="The reranker: llm, sentence-transformers.", rich_help_panel=_STORE
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder", metavar="PRESET", help="The embedder: hashing, openai, ollama, ...", rich_help_panel=_STORE
    ),
]
Embedders = Annotated[
    list[str] | None,
    typer.Option(
        "--embedder",
        metavar="PRESET",
        help="The embedder: hashing, openai, ollama, ...; may be repeated for plain questions.",
        rich_help_panel=_STORE,
    ),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
MemoryId = Annotated[str, typer.Argument(metavar="ID", help="The memory's id.")]
Filters = Annotated[
    str | None,
    typer.Option("--filters", metavar="JSON", help="""Conditions such as '{"created_at": {"gte": "2026-05-01"}}'."""),
]
Metadata = Annotated[
    str | None,
    typer.Option("--metadata", metavar="JSON", help="""An object stored with it, such as '{"team": "red"}'."""),
]
Timestamp = Annotated[
    str | None,
    typer.Option(
        "--timestamp", metavar="TIME", help="The time of the event, ISO-8601 or Unix seconds; now by default."
    ),
]


def to_scope(*, user_id: str | None, agent_id: str | None, run_id: str | None, app_id: str | None) -> dict[str, Any]:
    """Return the ids that are not `None`, by field."""
    ids = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    return {field: value for field, value in ids.items() if value is not None}


def parse_json_object(text: str | None, *, option: str) -> dict[str, Any] | None:
    """Return the JSON object in the value of an option, `None` if the option was not given.

    Raises:
        InvalidInput: The value is not JSON, or not an object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f'{option} is not JSON ({error}): give an object such as \'{{"key": "value"}}\'') from error
    if not isinstance(value, dict):
        raise InvalidInput(f'{option} is {text!r}: give a JSON object such as \'{{"key": "value"}}\'')
    return value


def parse_time(text: str | None) -> str | float | None:
    """Return a time as the library takes it: a number if it can only be Unix seconds, otherwise the text.

    >>> parse_time("1778248560"), parse_time("2026-05-08")
    (1778248560.0, '2026-05-08')
    """
    # Fewer than nine digits (before 1973) are more likely a year or a day without hyphens, which the library rejects.
    return float(text) if text and re.fullmatch(r"\d{9,}(\.\d+)?", text) else text


def read_text(text: str) -> str:
    """Return `text`, or the content of stdin for `-`.

    Raises:
        InvalidInput: Stdin is not UTF-8.
    """
    return decode(sys.stdin.buffer.read(), source="stdin") if text == "-" else text


def read_file(path: str) -> str:
    """Return the content of a file, or of stdin for `-`.

    Raises:
        InvalidInput: The file cannot be read or is not UTF-8.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    return decode(content, source=f"{path}: it")


def decode(content: bytes, *, source: str) -> str:
    """Return `content` as text, without a byte order mark.

    Raises:
        InvalidInput: `content` is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{source} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
