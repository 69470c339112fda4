"""Where a run keeps what it recalled: beside the messages, in no checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.graph import MessagesState

from holdfast_langgraph.turns import messages_of

STATE_KEY = "memories"
"""Where `retrieve_node` writes, unless told otherwise."""

Recalled = Annotated[str, UntrackedValue]
"""The type of the state key that `retrieve_node` writes: it lives as long as the run and is never checkpointed."""


class MemoryState(MessagesState):
    """Messages, and what is remembered that bears on them; extend it with keys of your own."""

    memories: Recalled


def messages_with_memories(
    state: Any, *, state_key: str = STATE_KEY, messages_key: str = "messages"
) -> list[AnyMessage]:
    """Return what to show the model: the messages of `state`, with what was recalled in the system message.

    The state itself stays as it is. Without memories these are the messages alone.

    Args:
        state: The state of a graph with a `retrieve_node`.
        state_key: Where that node writes.
        messages_key: Where the messages are.
    """
    messages: list[Any] = list(messages_of(state, messages_key))
    block = recalled_in(state, state_key)
    if not block:
        return messages
    leads = bool(messages) and isinstance(messages[0], SystemMessage)
    system = _extended(messages[0], block) if leads else SystemMessage(block)
    return [system, *messages[leads:]]


def recalled_in(state: Any, state_key: str) -> str:
    """Return what a state holds under `state_key`, `""` for nothing."""
    return (state.get(state_key) if isinstance(state, Mapping) else getattr(state, state_key, None)) or ""


def _extended(system: BaseMessage, block: str) -> BaseMessage:
    said = system.content
    together = f"{said}\n\n{block}" if isinstance(said, str) else [*said, {"type": "text", "text": block}]
    return system.model_copy(update={"content": together})
