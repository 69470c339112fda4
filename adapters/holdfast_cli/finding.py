"""Looking: `search`, `list`, `get`, `history` and `users`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from holdfast import NotFound
from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.printing import (
    columns,
    counted,
    event_row,
    minute,
    output,
    print_fields,
    print_json,
    print_memories,
    print_pairs,
    print_table,
)
from holdfast_cli.stores import existing

_LISTED = 100
_MOMENTS = ("created_at", "updated_at", "recorded_at")


def search(
    query: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    limit: Annotated[int, typer.Option(help="Most results, 1 to 1000.")] = 10,
    threshold: Annotated[float, typer.Option(help="Least score, 0 to 1.")] = 0.0,
    filters: options.Filters = None,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Let a reranker decide: the one named, else the chat model.")
    ] = False,
    filter_memories: Annotated[
        bool, typer.Option("--filter-memories", help="Let the chat model leave out what does not bear on the question.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each score is made of.")] = False,
    llm: options.JudgingLlm = None,
    embedder: options.Embedder = None,
    reranker: options.Reranker = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the memories that bear on a question, best first."""
    ids = options.scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    conditions = options.json_object(filters, option="--filters")
    judges: dict[str, Any] = {"rerank": rerank, "filter_memories": filter_memories}
    named = reranker or ("llm" if rerank else None)
    with existing(path, llm=llm, embedder=embedder, reranker=named) as memory:
        found = memory.search(
            query, **ids, **judges, filters=conditions, limit=limit, threshold=threshold, explain=explain
        )
    _show(found, ids, as_json=as_json)


def list_memories(
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    limit: Annotated[int, typer.Option(help="Most results.")] = _LISTED,
    filters: options.Filters = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """List memories, newest first."""
    ids = options.scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    conditions = options.json_object(filters, option="--filters")
    with existing(path) as memory:
        found = memory.get_all(**ids, filters=conditions, limit=limit)
    _show(found, ids, as_json=as_json)
    if len(found["results"]) == limit and not as_json and output().is_terminal:
        output().print(f"the newest {counted(limit, 'memory')}: --limit shows more", style="dim")


def get(memory_id: options.MemoryId, *, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Show one memory with everything known about it."""
    with existing(path) as memory:
        item = memory.get(memory_id)
    if item is None:
        raise NotFound(f"there is no memory {memory_id}: `holdfast list` shows the ids there are")
    if as_json:
        print_json(item)
    else:
        print_pairs((name, _value(name, value)) for name, value in item.items() if value not in (None, []))


def history(memory_id: options.MemoryId, *, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Show every version of a memory, oldest first.

    Deleted memories have a history too.
    """
    with existing(path) as memory:
        versions = memory.history(memory_id)
    if as_json:
        print_json(versions)
    else:
        _print_versions(versions)


def users(*, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """List the users, agents, runs and apps that have memories."""
    with existing(path) as memory:
        found = memory.users()
    if as_json:
        print_json(found)
    elif found["results"]:
        rows = [
            (
                item["type"],
                item["name"],
                f"{item['total_memories']}",
                minute(item["created_at"]),
                minute(item["updated_at"]),
            )
            for item in found["results"]
        ]
        print_table(("type", "name", "memories", "first", "last change"), rows)
    if not found["results"]:
        _leave_empty_handed("nobody has any memories here", as_json=as_json)


def _show(found: Mapping[str, Any], ids: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_memories(found["results"], known=ids)
    if not found["results"]:
        _leave_empty_handed("nothing found", as_json=as_json)


def _leave_empty_handed(message: str, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(message, err=True)
    raise typer.Exit(NOTHING_FOUND)


def _value(name: str, value: object) -> str:
    if name in _MOMENTS:
        return minute(str(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_versions(versions: Sequence[Mapping[str, Any]]) -> None:
    console = output()
    if not console.is_terminal:
        for one in versions:
            print_fields(minute(one["updated_at"]), one["event"], one["old_memory"] or "", one["new_memory"] or "")
        return
    grid = columns()
    for one in versions:
        grid.add_row(Text(minute(one["updated_at"]), style="dim"), *event_row(_event_of(one)))
    console.print(grid)


def _event_of(version: Mapping[str, Any]) -> dict[str, str]:
    old, new = version["old_memory"], version["new_memory"]
    replaced = {"previous_memory": old} if old and new and old != new else {}
    return {"event": version["event"], "memory": new or old or "", **replaced}
