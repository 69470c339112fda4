"""The state key for the recalled block, which is in no checkpoint, and the messages that show it to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.graph import MessagesState

from holdfast_langchain.messages import append_to_system_message
from holdfast_langgraph.turn import get_messages

STATE_KEY = "memories"
"""The key that `retrieve_node` writes to by default."""

Recalled = Annotated[str, UntrackedValue]
"""The type of the key that `retrieve_node` writes: the value lasts as long as the run and is never checkpointed."""


class MemoryState(MessagesState):
    """A state with messages and the memories recalled for them; add your own keys in a subclass."""

    memories: Recalled


def messages_with_memories(
    state: Any, *, state_key: str = STATE_KEY, messages_key: str = "messages"
) -> list[AnyMessage]:
    """Return the messages of `state` with the recalled block in the system message, to call a model with.

    The state is not changed. If nothing was recalled, the messages are returned unchanged.

    >>> from langchain_core.messages import HumanMessage
    >>> state = {"messages": [HumanMessage("Hi")], "memories": "Ana lives in Porto."}
    >>> [message.content for message in messages_with_memories(state)]
    ['Ana lives in Porto.', 'Hi']

    Args:
        state: The state of a graph with a `retrieve_node`.
        state_key: The key that node writes to.
        messages_key: The key that holds the messages.
    """
    messages: list[Any] = list(get_messages(state, messages_key))
    block = get_recalled_block(state, state_key)
    if not block:
        return messages
    system = messages[0] if messages and isinstance(messages[0], SystemMessage) else None
    return [append_to_system_message(system, block), *(messages if system is None else messages[1:])]


def get_recalled_block(state: Any, state_key: str) -> str:
    """Return the block a state holds under `state_key`, `""` if it holds none."""
    return (state.get(state_key) if isinstance(state, Mapping) else getattr(state, state_key, None)) or ""
