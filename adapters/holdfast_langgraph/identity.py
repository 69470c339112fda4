"""Whose memory a run works with, as LangChain's configuration and LangGraph's context tell it."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context
from langgraph.runtime import get_runtime

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
        context = _present_context(config)
    return owner.of(context, (config or {}).get("configurable"))


def _present_context(config: RunnableConfig | None) -> object:
    """Return the context of the run that `config` belongs to."""
    try:
        # An awaited node on Python 3.10 does not know its run by itself.
        with set_config_context(config or {}) as run:
            runtime: Any = run.run(_runtime)
    except (KeyError, RuntimeError):
        return None  # outside a graph
    return getattr(runtime, "context", None)


def _runtime() -> Any:
    return get_runtime()
