"""`add`: remember a sentence, or the conversations of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer
from rich.text import Text

from holdfast import InvalidInput
from holdfast_cli import options
from holdfast_cli.importing import conversations_in, import_conversations, print_summary
from holdfast_cli.printing import columns, counted, event_row, output, print_fields, print_json, skipped_line
from holdfast_cli.stores import new_or_existing


def add(
    text: Annotated[str | None, typer.Argument(help="What to remember; - reads stdin.")] = None,
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
        bool, typer.Option("--infer/--verbatim", help="Extract facts, or keep every message as it is.")
    ] = True,
    keep_turns: Annotated[
        bool, typer.Option("--keep-turns", help="Beside the facts, keep every message too, found by what it told.")
    ] = False,
    timestamp: options.Timestamp = None,
    metadata: options.Metadata = None,
    expiration_date: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day it is shown, such as 2027-01-31.")
    ] = None,
    llm: options.Llm = None,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Remember what a text or a file of conversations says.

    What is named here (whose memory, when) wins over what a file says.
    """
    if (text is None) is (file is None):
        raise InvalidInput("say what to remember: a text, - for stdin, or --file with conversations")
    ids = options.scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    about: dict[str, Any] = {
        "infer": infer,
        "keep_turns": keep_turns,
        "metadata": options.json_object(metadata, option="--metadata"),
        "expiration_date": expiration_date,
    }
    when = options.moment(timestamp)
    opened = partial(new_or_existing, path, llm=llm, embedder=embedder)
    if file is not None:
        conversations = conversations_in(file, ids=ids, timestamp=when)
        with opened() as memory:
            tally = import_conversations(memory, conversations, **about)
        if as_json:
            print_json(tally.summary())
        else:
            print_summary(tally)
    elif text is not None:
        said = options.text_or_stdin(text)
        with opened() as memory:
            result = memory.add(said, **ids, **about, timestamp=when)
        if as_json:
            print_json(result)
        else:
            _print_result(result)


def _print_result(result: Mapping[str, Any]) -> None:
    console = output()
    if console.is_terminal:
        grid = columns()
        for item in result["results"]:
            word, text = event_row(item)
            grid.add_row(word, Text.assemble(text, "\n", (item["id"], "dim")))
        console.print(grid)
    else:
        for item in result["results"]:
            print_fields(item["event"], item["id"], item["memory"])
    if result["skipped"]:
        reasons = Counter(item["reason"] for item in result["skipped"])
        typer.secho(skipped_line(reasons), err=True, dim=True)
    if turns := result.get("turns"):
        typer.secho(f"{counted(len(turns), 'turn')} kept beside the facts", err=True, dim=True)
    elif not result["results"]:
        typer.echo("nothing was stored", err=True)
