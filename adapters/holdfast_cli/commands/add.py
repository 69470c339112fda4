"""`add`: remember a text, or the conversations in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer
from rich.text import Text

from holdfast import InvalidInput
from holdfast_cli import options
from holdfast_cli.file_import import import_conversations, print_summary, read_conversations
from holdfast_cli.open_store import open_or_create
from holdfast_cli.output import (
    format_count,
    format_skipped,
    make_event_row,
    make_grid,
    print_fields,
    print_json,
    stdout_console,
)


def add(
    text: Annotated[str | None, typer.Argument(help="The text to remember; - reads stdin.")] = None,
    *,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Conversations as JSON, JSON Lines or in LoCoMo's format; - reads stdin."),
    ] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    infer: Annotated[
        bool, typer.Option("--infer/--verbatim", help="Extract facts, or store every message unchanged.")
    ] = True,
    keep_turns: Annotated[
        bool, typer.Option("--keep-turns", help="Also store every message, found by its facts too.")
    ] = False,
    timestamp: options.Timestamp = None,
    metadata: options.Metadata = None,
    expiration_date: Annotated[
        str | None, typer.Option(metavar="DAY", help="The last day it is found, such as 2027-01-31.")
    ] = None,
    llm: options.Llm = None,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Remember a text, or the conversations in a file.

    Ids and times given here override those in the file.
    """
    if (text is None) is (file is None):
        raise InvalidInput("say what to remember: a text, - for stdin, or --file with conversations")
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    settings: dict[str, Any] = {
        "infer": infer,
        "keep_turns": keep_turns,
        "metadata": options.parse_json_object(metadata, option="--metadata"),
        "expiration_date": expiration_date,
    }
    time = options.parse_time(timestamp)
    open_memory = partial(open_or_create, path, llm=llm, embedder=embedder)
    if file is not None:
        conversations = read_conversations(file, ids=ids, timestamp=time)
        with open_memory() as memory:
            counts = import_conversations(memory, conversations, **settings)
        if as_json:
            print_json(counts.to_json())
        else:
            print_summary(counts)
    elif text is not None:
        content = options.read_text(text)
        with open_memory() as memory:
            result = memory.add(content, **ids, **settings, timestamp=time)
        if as_json:
            print_json(result)
        else:
            _print_result(result)


def _print_result(result: Mapping[str, Any]) -> None:
    console = stdout_console()
    if console.is_terminal:
        grid = make_grid()
        for item in result["results"]:
            event, text = make_event_row(item)
            grid.add_row(event, Text.assemble(text, "\n", (item["id"], "dim")))
        console.print(grid)
    else:
        for item in result["results"]:
            print_fields(item["event"], item["id"], item["memory"])
    if result["skipped"]:
        reasons = Counter(item["reason"] for item in result["skipped"])
        typer.secho(format_skipped(reasons), err=True, dim=True)
    if turns := result.get("turns"):
        typer.secho(f"{format_count(len(turns), 'turn')} stored in addition to the facts", err=True, dim=True)
    elif not result["results"]:
        typer.echo("nothing was stored", err=True)
