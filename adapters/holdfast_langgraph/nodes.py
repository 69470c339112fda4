"""The two nodes around a model: what is known goes in before it, what was said is kept after it."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from holdfast import AsyncMemory, Id, Memory, OnError, Owner
from holdfast_langgraph.identity import scoped_of
from holdfast_langgraph.state import STATE_KEY, recalled_in
from holdfast_langgraph.turns import Turn, finished_turn, messages_of, question

Update = dict[str, Any]
"""What a node changes in the state."""


def retrieve_node(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    max_tokens: int = 1_000,
    state_key: str = STATE_KEY,
    messages_key: str = "messages",
    on_error: OnError = "log",
) -> Runnable[Any, Update]:
    """Return a node that recalls what bears on the user's last message, for graphs that are called or awaited.

    It writes one block of text, fenced as data, under `state_key`; give that key the type `Recalled` (as `MemoryState`
    does) and the block is in no checkpoint. A graph that comes by again within one turn does not search again.

    Args:
        memory: The memory; it stays open.
        user_id: Whose memory, or `FROM_CONFIG`: that of whoever the run is for. At least one id must be given.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        max_tokens: Room for the block, at least 1.
        state_key: Where to write.
        messages_key: Where the messages are.
        on_error: `"log"` goes on without memories when the memory fails, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """
    owner = Owner(memory, _ids(user_id, agent_id, run_id, app_id), on_error=on_error)

    def asked(state: Any) -> str | None:
        messages = messages_of(state, messages_key)
        new_turn = not messages or isinstance(messages[-1], HumanMessage)
        return question(messages) if new_turn or not recalled_in(state, state_key) else None

    def retrieve(state: Any, config: RunnableConfig) -> Update:
        query = asked(state)
        return {} if query is None else {state_key: scoped_of(owner, config).context(query, max_tokens=max_tokens)}

    async def aretrieve(state: Any, config: RunnableConfig) -> Update:
        query = asked(state)
        return (
            {} if query is None else {state_key: await scoped_of(owner, config).acontext(query, max_tokens=max_tokens)}
        )

    return RunnableLambda(retrieve, aretrieve, name="retrieve_memories")


def update_node(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    messages_key: str = "messages",
    on_error: OnError = "log",
) -> Runnable[Any, Update]:
    """Return a node that remembers the turn that has just ended, for graphs that are called or awaited.

    What the user said and the assistant's final answer are kept together; tool calls and their results are not, and a
    turn without an answer waits for one. A turn from which something was remembered is known again by the ids of its
    messages when a run is retried, resumed or replayed.

    Args:
        memory: The memory; it stays open.
        user_id: Whose memory, or `FROM_CONFIG`: that of whoever the run is for. At least one id must be given.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        messages_key: Where the messages are.
        on_error: `"log"` goes on when the memory fails, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """
    owner = Owner(memory, _ids(user_id, agent_id, run_id, app_id), on_error=on_error)

    def update(state: Any, config: RunnableConfig) -> Update:
        turn, scoped = finished_turn(messages_of(state, messages_key)), scoped_of(owner, config)
        if turn and not (turn.mark and scoped.get_all(limit=1, filters=_saved(turn))):
            scoped.add(turn.messages, metadata=_saved(turn))
        return {}

    async def aupdate(state: Any, config: RunnableConfig) -> Update:
        turn, scoped = finished_turn(messages_of(state, messages_key)), scoped_of(owner, config)
        if turn and not (turn.mark and await scoped.aget_all(limit=1, filters=_saved(turn))):
            await scoped.aadd(turn.messages, metadata=_saved(turn))
        return {}

    return RunnableLambda(update, aupdate, name="update_memories")


def _ids(user_id: Id, agent_id: Id, run_id: Id, app_id: Id) -> dict[str, Id]:
    return {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}


def _saved(turn: Turn) -> dict[str, bool]:
    """Return what marks the memories of `turn`; a later turn that changes one of them adds its own mark to it."""
    return {f"langgraph_turn_{turn.mark}": True} if turn.mark else {}
