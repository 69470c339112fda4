"""The two nodes around a model: `retrieve_node` before it, `update_node` after it."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from holdfast import AsyncMemory, Id, Memory, OnError, Owner
from holdfast_langchain.messages import get_last_question
from holdfast_langgraph.run_memory import memory_for_run
from holdfast_langgraph.state import STATE_KEY, get_recalled_block
from holdfast_langgraph.turn import Turn, get_finished_turn, get_messages

Update = dict[str, Any]
"""The changes a node makes to the state."""


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
    """Return a node that recalls what is relevant to the user's last message, for graphs that are called or awaited.

    The node writes one block of text, fenced as data, to `state_key`. Give that key the type `Recalled`, as
    `MemoryState` does, to keep the block out of checkpoints. A graph that runs the node several times within one turn
    searches once.

    >>> from langchain_core.messages import HumanMessage
    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> _ = memory.add("I live in Porto.", user_id="ana")
    >>> recalled = retrieve_node(memory, user_id="ana").invoke({"messages": [HumanMessage("Where do I live?")]})
    >>> "I live in Porto." in recalled["memories"]
    True

    Args:
        memory: The memory; it stays open.
        user_id: The user, or `FROM_CONFIG` to read it from each run. At least one id must be given.
        agent_id: The agent, or `FROM_CONFIG`.
        run_id: The session, or `FROM_CONFIG`.
        app_id: The application, or `FROM_CONFIG`.
        max_tokens: The size limit of the block, in tokens, at least 1.
        state_key: The key of the state to write to.
        messages_key: The key of the state that holds the messages.
        on_error: `"log"` continues without memories when the memory fails, `"raise"` raises the failure.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
    """
    owner = Owner(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)

    def get_query(state: Any) -> str | None:
        """Return what to search for, `None` if the block in the state is still right."""
        messages = get_messages(state, messages_key)
        is_new_turn = not messages or isinstance(messages[-1], HumanMessage)
        return get_last_question(messages) if is_new_turn or not get_recalled_block(state, state_key) else None

    def retrieve(state: Any, config: RunnableConfig) -> Update:
        query = get_query(state)
        if query is None:
            return {}
        return {state_key: memory_for_run(owner, config).context(query, max_tokens=max_tokens)}

    async def aretrieve(state: Any, config: RunnableConfig) -> Update:
        query = get_query(state)
        if query is None:
            return {}
        return {state_key: await memory_for_run(owner, config).acontext(query, max_tokens=max_tokens)}

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

    The user's messages and the assistant's final answer are remembered together, without tool calls and their
    results. A turn without an answer is not remembered yet. When a run is retried, resumed or replayed, the ids of
    the messages show that the turn is remembered already.

    >>> from langchain_core.messages import AIMessage, HumanMessage
    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> turn = [HumanMessage("I live in Porto."), AIMessage("Noted.")]
    >>> update_node(memory, user_id="ana").invoke({"messages": turn})
    {}
    >>> [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
    ['I live in Porto.']

    Args:
        memory: The memory; it stays open.
        user_id: The user, or `FROM_CONFIG` to read it from each run. At least one id must be given.
        agent_id: The agent, or `FROM_CONFIG`.
        run_id: The session, or `FROM_CONFIG`.
        app_id: The application, or `FROM_CONFIG`.
        messages_key: The key of the state that holds the messages.
        on_error: `"log"` continues when the memory fails, `"raise"` raises the failure.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
    """
    owner = Owner(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)

    def update(state: Any, config: RunnableConfig) -> Update:
        turn, scoped = get_finished_turn(get_messages(state, messages_key)), memory_for_run(owner, config)
        if turn and not (turn.fingerprint and scoped.get_all(limit=1, filters=_turn_metadata(turn))):
            scoped.add(turn.messages, metadata=_turn_metadata(turn))
        return {}

    async def aupdate(state: Any, config: RunnableConfig) -> Update:
        turn, scoped = get_finished_turn(get_messages(state, messages_key)), memory_for_run(owner, config)
        if turn and not (turn.fingerprint and await scoped.aget_all(limit=1, filters=_turn_metadata(turn))):
            await scoped.aadd(turn.messages, metadata=_turn_metadata(turn))
        return {}

    return RunnableLambda(update, aupdate, name="update_memories")


def _turn_metadata(turn: Turn) -> dict[str, bool]:
    """Return the metadata that names `turn`; a later turn that updates the memory adds its own key to it."""
    return {f"langgraph_turn_{turn.fingerprint}": True} if turn.fingerprint else {}
