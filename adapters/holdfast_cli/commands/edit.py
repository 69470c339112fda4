"""The commands that change memories: `update`, `delete`, `forget` and `prune-history`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from holdfast import InvalidInput, Memory
from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.open_store import open_existing
from holdfast_cli.output import format_count, print_json, stdout_console


def update(
    memory_id: options.MemoryId,
    text: Annotated[str | None, typer.Argument(help="The new text; - reads stdin.")] = None,
    *,
    metadata: options.Metadata = None,
    expiration_date: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="The last day it is found, such as 2027-01-31; 'never' removes it."),
    ] = None,
    timestamp: options.Timestamp = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Change a memory; it keeps its id and history."""
    changes: dict[str, Any] = {"metadata": options.parse_json_object(metadata, option="--metadata")}
    if expiration_date is not None:
        changes["expiration_date"] = None if expiration_date == "never" else expiration_date
    new_text = None if text is None else options.read_text(text)
    with open_existing(path) as memory:
        result = memory.update(memory_id, new_text, timestamp=options.parse_time(timestamp), **changes)
    _print_result(result, f"updated {memory_id}", as_json=as_json)


def delete(
    memory_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The memory's id.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Delete every memory of the scope, after a confirmation.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="With --all: also from the history and every file, as forget does.")
    ] = False,
    yes: options.Yes = False,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete one memory, or with --all every memory of a scope; the history keeps what they said."""
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    if (memory_id is None) is not everything or (memory_id and ids):
        raise InvalidInput("say what to delete: the id of one memory, or --all and a scope (such as --user-id)")
    if memory_id is not None and erase:
        raise InvalidInput(f"--erase goes with --all: `holdfast forget {memory_id}` erases one memory")
    with open_existing(path) as memory:
        if memory_id is not None:
            _print_result(memory.delete(memory_id), f"deleted {memory_id}", as_json=as_json)
        else:
            _delete_all(memory, ids, erase=erase, ask=not yes, as_json=as_json)


def forget(
    memory_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The memory's id; it may be deleted.")] = None,
    *,
    yes: options.Yes = False,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Erase one memory, or everything of a scope, with its history: none of the words remain in any file."""
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    if (memory_id is None) is not bool(ids):
        raise InvalidInput("say what to forget: the id of one memory, or a scope (such as --user-id)")
    with open_existing(path) as memory:
        if not yes:
            _confirm(f"Erase {memory_id or _describe(ids)} for good, with all history?")
        result = memory.forget(memory_id, **ids)
    erased = f"{format_count(result['memories'], 'memory')}, {format_count(result['turns'], 'turn')}"
    _print_result(result, f"erased {erased} and {format_count(result['versions'], 'version')}", as_json=as_json)


def prune_history(
    *,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="How many former states of each memory stay at most.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Former states replaced before this time go, such as 2026-01-31.")
    ] = None,
    memory_id: Annotated[str | None, typer.Option(metavar="ID", help="Only of this memory.")] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete former states of memories; of the whole store, one memory or a scope."""
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    with open_existing(path) as memory:
        result = memory.prune_history(keep=keep, before=options.parse_time(before), memory_id=memory_id, **ids)
    _print_result(
        result,
        f"deleted {format_count(result['versions'], 'version')} and {format_count(result['turns'], 'turn')}",
        as_json=as_json,
    )


def _describe(ids: dict[str, Any]) -> str:
    return ", ".join(f"{field} {value}" for field, value in ids.items())


def _delete_all(memory: Memory, ids: dict[str, Any], *, erase: bool, ask: bool, as_json: bool) -> None:
    scope = _describe(ids)
    count = memory.get_all(**ids, page=1, page_size=1, show_expired=True)["count"]
    if ask and (count or erase):
        verb, history = ("Erase", " and their history") if erase else ("Delete", "")
        _confirm(f"{verb} {format_count(count, 'memory')} of {scope}{history}?")
    result = memory.delete_all(**ids, erase=erase)
    _print_result(result, f"deleted {format_count(result['count'], 'memory')} of {scope}", as_json=as_json)
    if not result["count"]:
        raise typer.Exit(NOTHING_FOUND)


def _confirm(question: str) -> None:
    # On stderr, because stdout is reserved for the result.
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        raise InvalidInput("there was no answer, so nothing was deleted: give --yes")
    if answer.strip().casefold() not in ("y", "yes"):
        typer.echo("nothing was deleted", err=True)
        raise typer.Exit(NOTHING_FOUND)


def _print_result(result: object, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        stdout_console().print(line, soft_wrap=True)
