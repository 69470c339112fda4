"""`users` and `delete_users`: the users, agents, sessions and applications that have memories."""

from __future__ import annotations

from holdfast.errors import InvalidInput, NotFound
from holdfast.operations.arguments import check_scope
from holdfast.operations.forget import erase_matching
from holdfast.results import MessageResult, UserItem, UserListing
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.scope import SCOPE_FIELDS
from holdfast.stores.protocol import Entity
from holdfast.timestamps import to_isoformat


def users(runtime: Runtime) -> Flow[UserListing]:
    """Return every user, agent, run and app that has memories, the most recently changed first.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana", agent_id="travel")
    >>> [(one["type"], one["name"], one["total_memories"]) for one in memory.users()["results"]]
    [('user', 'ana', 1), ('agent', 'travel', 1)]
    """
    entities = yield from work(runtime.store.list_entities)
    return {"count": len(entities), "results": [_user_item(entity) for entity in entities]}


def delete_users(
    runtime: Runtime,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    app_id: str | None = None,
    run_id: str | None = None,
) -> Flow[MessageResult]:
    """Erase one user, agent, app or run with all its memories, as `forget` does: none of the words remain in any file.

    Returns:
        `count` is the number of deleted memories, without those deleted before.

    Raises:
        InvalidInput: Not exactly one id is given.
        NotFound: It has no memories, no history and no turns.
        StorageError: The memories are deleted, but their words may still be in the file (see `forget`).

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> memory.delete_users(user_id="ana")["count"]
    1
    """
    given = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
    named = {field: value for field, value in given.items() if value is not None}
    if len(named) != 1:
        raise InvalidInput(f"delete_users takes exactly one of {', '.join(SCOPE_FIELDS)}: {len(named)} were given")
    erased = yield from erase_matching(
        runtime, check_scope(None, user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    )
    if not erased.memories and not erased.turns:
        field, value = next(iter(named.items()))
        raise NotFound(f"{field} {value!r} has no memories: `users` lists who has")
    return {"message": "Entity deleted successfully!", "count": erased.current}


def _user_item(entity: Entity) -> UserItem:
    return {
        "type": entity.type,
        "name": entity.name,
        "total_memories": entity.count,
        "created_at": to_isoformat(entity.created_at),
        "updated_at": to_isoformat(entity.updated_at),
    }
