"""`get` and `get_all`: one memory by its id, or the newest of a scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.errors import InvalidInput
from holdfast.filters import Filter, join_filters, parse_filter
from holdfast.operations.arguments import check_limit, check_memory_id, check_scope
from holdfast.operations.result_items import memory_item
from holdfast.results import Listing, MemoryItem
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime

DEFAULT_PAGE = 100
_MOST_LISTED = 1_000_000


def get(runtime: Runtime, memory_id: str) -> Flow[MemoryItem | None]:
    """Return one memory, `None` when the id is unknown.

    Raises:
        InvalidInput: The id is not text.
        StorageError: The file cannot be read, or the record is damaged.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.get(added["results"][0]["id"])["memory"]
    'I live in Lisbon.'
    >>> memory.get("unknown") is None
    True
    """
    wanted = check_memory_id(memory_id)
    found = yield from work(runtime.store.get, [wanted])
    return memory_item(found[wanted]) if wanted in found else None


def get_all(
    runtime: Runtime,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    filters: Mapping[str, Any] | None = None,
    limit: int | None = None,
    top_k: int | None = None,
    page: int | None = None,
    page_size: int | None = None,
    show_expired: bool = False,
) -> Flow[Listing]:
    """Return the memories of one scope, newest first.

    Args:
        user_id: The user; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        actor_id: Only what this speaker said.
        filters: Conditions (see `holdfast.filters`).
        limit: Most results, 1 to 1,000,000; 100 by default.
        top_k: Another name for `limit`.
        page: Number of the page, from 1; the result then also has `count`, `next` and `previous`.
        page_size: Memories per page; 100 by default.
        show_expired: Also return memories past their expiration date.

    Raises:
        InvalidInput: No scope is named, or a number is out of range.
        StorageError: The file cannot be read.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon. I work at Acme.", user_id="ana")
    >>> [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
    ['I work at Acme.', 'I live in Lisbon.']
    """
    matching = check_scope(filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id)
    if not show_expired:
        matching = join_filters(matching, _unexpired(runtime))
    if page is None and page_size is None:
        most = check_limit(limit, top_k, default=DEFAULT_PAGE, most=_MOST_LISTED)
        records = yield from work(runtime.store.select, matching, limit=most)
        return {"results": [memory_item(record) for record in records]}
    number = check_limit(page, default=1, most=_MOST_LISTED)
    size = check_limit(page_size, default=DEFAULT_PAGE, most=_MOST_LISTED)
    if limit is not None or top_k is not None:
        raise InvalidInput("limit and page are given together: use page and page_size, or limit alone")
    records = yield from work(runtime.store.select, matching, limit=size, offset=(number - 1) * size)
    count = yield from work(runtime.store.count, matching)
    return {
        "count": count,
        "next": number + 1 if number * size < count else None,
        "previous": number - 1 if number > 1 else None,
        "results": [memory_item(record) for record in records],
    }


def _unexpired(runtime: Runtime) -> Filter:
    today = runtime.today().isoformat()
    return parse_filter({"OR": [{"expiration_date": {"gte": today}}, {"NOT": {"expiration_date": "*"}}]})
