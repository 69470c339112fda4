"""Changing what is known: `update` and `delete`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from holdfast import InvalidInput, Memory
from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.printing import counted, output, print_json
from holdfast_cli.stores import existing


def update(
    memory_id: options.MemoryId,
    text: Annotated[str | None, typer.Argument(help="What it says from now on; - reads stdin.")] = None,
    *,
    metadata: options.Metadata = None,
    expiration_date: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day it is shown, such as 2027-01-31; 'never' clears it.")
    ] = None,
    timestamp: options.Timestamp = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Change a memory; its id and history stay."""
    wanted: dict[str, Any] = {"metadata": options.json_object(metadata, option="--metadata")}
    if expiration_date is not None:
        wanted["expiration_date"] = None if expiration_date == "never" else expiration_date
    new_text = None if text is None else options.text_or_stdin(text)
    with existing(path) as memory:
        done = memory.update(memory_id, new_text, timestamp=options.moment(timestamp), **wanted)
    _tell(done, f"updated {memory_id}", as_json=as_json)


def delete(
    memory_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The memory's id.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every memory of the scope, after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete one memory, or with --all every memory of a scope."""
    ids = options.scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    if (memory_id is None) is not everything or (memory_id and ids):
        raise InvalidInput("say what to delete: the id of one memory, or --all and whose (such as --user-id)")
    with existing(path) as memory:
        if memory_id is not None:
            _tell(memory.delete(memory_id), f"deleted {memory_id}", as_json=as_json)
        else:
            _delete_all(memory, ids, ask=not yes, as_json=as_json)


def _delete_all(memory: Memory, ids: dict[str, Any], *, ask: bool, as_json: bool) -> None:
    whose = ", ".join(f"{field} {value}" for field, value in ids.items())
    count = memory.get_all(**ids, page=1, page_size=1, show_expired=True)["count"]
    if count and ask:
        _confirm(f"Delete {counted(count, 'memory')} of {whose}?")
    done = memory.delete_all(**ids)
    _tell(done, f"deleted {counted(done['count'], 'memory')} of {whose}", as_json=as_json)
    if not done["count"]:
        raise typer.Exit(NOTHING_FOUND)


def _confirm(question: str) -> None:
    # On stderr, all of it: stdout holds the result and nothing else.
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        raise InvalidInput("nobody answered, so nothing was deleted: give --yes")
    if answer.strip().casefold() not in ("y", "yes"):
        typer.echo("nothing was deleted", err=True)
        raise typer.Exit(NOTHING_FOUND)


def _tell(done: object, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        output().print(line, soft_wrap=True)
