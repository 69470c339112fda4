"""Find the memory of the user a run is for, from LangChain's configuration and LangGraph's context."""

from __future__ import annotations

import sys

from langchain_core.runnables import RunnableConfig

from holdfast import FROM_CONFIG, Owner, ScopedMemory

__all__ = ["FROM_CONFIG", "memory_for_run"]


def memory_for_run(owner: Owner, config: RunnableConfig | None, context: object = None) -> ScopedMemory:
    """Return the memory of the user a run is for.

    Args:
        owner: The memory and its ids; an id that is `FROM_CONFIG` is read from the run.
        config: The run's configuration; its `configurable` is read when `context` does not hold the id.
        context: The run's context. `None` looks up the context of the current LangGraph run, if there is one.

    Raises:
        InvalidInput: The run names no value for an id that is `FROM_CONFIG`.
    """
    if owner.varying and context is None:
        context = _current_context()
    return owner.of(context, (config or {}).get("configurable"))


def _current_context() -> object:
    """Return the context of the LangGraph run this code is called from, `None` outside a run."""
    # Not imported here: a graph that runs this code has loaded LangGraph, and without it there is no context.
    module = sys.modules.get("langgraph.runtime")
    try:
        return module.get_runtime().context if module else None
    except (AttributeError, KeyError, RuntimeError):
        return None
