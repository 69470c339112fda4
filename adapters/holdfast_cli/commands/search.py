"""The commands that read: `search`, `list`, `get`, `history` and `users`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from holdfast import NotFound
from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.open_store import open_existing
from holdfast_cli.output import (
    format_count,
    make_event_row,
    make_grid,
    print_fields,
    print_json,
    print_memories,
    print_pairs,
    print_table,
    stdout_console,
    to_minute,
)

_DEFAULT_LIST_LIMIT = 100
_TIME_FIELDS = ("created_at", "updated_at", "recorded_at")


def search(
    query: Annotated[str, typer.Argument(help="What to search for, in plain words.")],
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    limit: Annotated[int, typer.Option(help="The maximum number of results, 1 to 1000.")] = 10,
    threshold: Annotated[float, typer.Option(help="The minimum score, 0 to 1.")] = 0.0,
    filters: options.Filters = None,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Rerank the results with --reranker, or with the chat model.")
    ] = False,
    filter_memories: Annotated[
        bool, typer.Option("--filter-memories", help="Let the chat model remove irrelevant results.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the signals of each score.")] = False,
    llm: options.JudgingLlm = None,
    embedder: options.Embedder = None,
    reranker: options.Reranker = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the memories relevant to a question, best first."""
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    conditions = options.parse_json_object(filters, option="--filters")
    judges: dict[str, Any] = {"rerank": rerank, "filter_memories": filter_memories}
    wanted_reranker = reranker or ("llm" if rerank else None)
    with open_existing(path, llm=llm, embedder=embedder, reranker=wanted_reranker) as memory:
        found = memory.search(
            query, **ids, **judges, filters=conditions, limit=limit, threshold=threshold, explain=explain
        )
    _print_results(found, ids, as_json=as_json)


def list_memories(
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    limit: Annotated[int, typer.Option(help="The maximum number of results.")] = _DEFAULT_LIST_LIMIT,
    filters: options.Filters = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """List memories, newest first."""
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    conditions = options.parse_json_object(filters, option="--filters")
    with open_existing(path) as memory:
        found = memory.get_all(**ids, filters=conditions, limit=limit)
    _print_results(found, ids, as_json=as_json)
    if len(found["results"]) == limit and not as_json and stdout_console().is_terminal:
        stdout_console().print(f"the newest {format_count(limit, 'memory')}: --limit shows more", style="dim")


def get(memory_id: options.MemoryId, *, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Show one memory with all its fields."""
    with open_existing(path) as memory:
        item = memory.get(memory_id)
    if item is None:
        raise NotFound(f"there is no memory {memory_id}: `holdfast list` shows the existing ids")
    if as_json:
        print_json(item)
    else:
        print_pairs((name, _format_value(name, value)) for name, value in item.items() if value not in (None, []))


def history(memory_id: options.MemoryId, *, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Show every version of a memory, oldest first, also of a deleted one."""
    with open_existing(path) as memory:
        versions = memory.history(memory_id)
    if as_json:
        print_json(versions)
    else:
        _print_versions(versions)


def users(*, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """List the users, agents, runs and apps that have memories."""
    with open_existing(path) as memory:
        found = memory.users()
    if as_json:
        print_json(found)
    elif found["results"]:
        rows = [
            (
                item["type"],
                item["name"],
                f"{item['total_memories']}",
                to_minute(item["created_at"]),
                to_minute(item["updated_at"]),
            )
            for item in found["results"]
        ]
        print_table(("type", "name", "memories", "first", "last change"), rows)
    if not found["results"]:
        _exit_with_nothing_found("nobody has any memories here", as_json=as_json)


def _print_results(found: Mapping[str, Any], ids: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_memories(found["results"], hidden_fields=ids)
    if not found["results"]:
        _exit_with_nothing_found("nothing found", as_json=as_json)


def _exit_with_nothing_found(message: str, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(message, err=True)
    raise typer.Exit(NOTHING_FOUND)


def _format_value(name: str, value: object) -> str:
    if name in _TIME_FIELDS:
        return to_minute(str(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_versions(versions: Sequence[Mapping[str, Any]]) -> None:
    console = stdout_console()
    if not console.is_terminal:
        for one in versions:
            texts = (one["old_memory"] or "", one["new_memory"] or "")
            print_fields(to_minute(one["updated_at"]), one["event"], *texts, *_describe_fields(one))
        return
    grid = make_grid()
    for one in versions:
        grid.add_row(Text(to_minute(one["updated_at"]), style="dim"), *make_event_row(_to_event(one)))
    console.print(grid)


def _to_event(version: Mapping[str, Any]) -> dict[str, str]:
    old, new = version["old_memory"], version["new_memory"]
    replaced = {"previous_memory": old} if old and new and old != new else {}
    text = " ".join([new or old or "", *(f"({change})" for change in _describe_fields(version))])
    return {"event": version["event"], "memory": text, **replaced}


def _describe_fields(version: Mapping[str, Any]) -> list[str]:
    """Return how an update that leaves the text changed the metadata and the expiration date: a text per field."""
    if version["event"] != "UPDATE" or version["old_memory"] != version["new_memory"]:
        return []
    old, new = ({**version[f"{age}_metadata"], "expires": version[f"{age}_expiration_date"]} for age in ("old", "new"))
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f"{name}: {_show(old.get(name))} → {_show(new.get(name))}" for name in changed]


def _show(value: object) -> str:
    return "nothing" if value is None else _format_value("", value)
