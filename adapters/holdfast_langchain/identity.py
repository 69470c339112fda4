"""Whose memory a run works with, as LangChain's configuration and LangGraph's context tell it."""

from __future__ import annotations

import sys

from langchain_core.runnables import RunnableConfig

from holdfast import FROM_CONFIG, Owner, ScopedMemory

__all__ = ["FROM_CONFIG", "scoped_of"]


def scoped_of(owner: Owner, config: RunnableConfig | None, context: object = None) -> ScopedMemory:
    """Return the memory of whoever a run is for.

    Args:
        owner: Whose memory, and which of its ids vary.
        config: The run's configuration.
        context: The run's context, looked at first; that of the run we are in when left out.

    Raises:
        InvalidInput: The run does not say whom it is for.
    """
    if owner.varying and context is None:
        context = _present_context()
    return owner.of(context, (config or {}).get("configurable"))


def _present_context() -> object:
    """Return the context of the run we are in, where LangGraph carries it out."""
    runtimes = sys.modules.get("langgraph.runtime")  # whoever runs us has loaded it
    try:
        return runtimes.get_runtime().context if runtimes else None
    except (AttributeError, KeyError, RuntimeError):
        return None
