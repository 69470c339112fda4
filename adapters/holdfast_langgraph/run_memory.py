"""Find the memory of the user a run is for; unlike LangChain's lookup it also works in awaited nodes on Python 3.10."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context
from langgraph.runtime import get_runtime

import holdfast_langchain.run_memory
from holdfast import FROM_CONFIG, Owner, ScopedMemory

__all__ = ["FROM_CONFIG", "memory_for_run"]


def memory_for_run(owner: Owner, config: RunnableConfig | None, context: object = None) -> ScopedMemory:
    """Return the memory of the user a run is for.

    Args:
        owner: The memory and its ids; an id that is `FROM_CONFIG` is read from the run.
        config: The run's configuration; its `configurable` is read when `context` does not hold the id.
        context: The run's context. `None` looks up the context of the run that `config` belongs to.

    Raises:
        InvalidInput: The run names no value for an id that is `FROM_CONFIG`.
    """
    if owner.varying and context is None:
        context = _context_of_run(config)
    return holdfast_langchain.run_memory.memory_for_run(owner, config, context)


def _context_of_run(config: RunnableConfig | None) -> object:
    """Return the context of the run that `config` belongs to, `None` outside a graph."""
    try:
        # `asyncio` tasks take no context before Python 3.11, so an awaited node there does not see its run by itself.
        with set_config_context(config or {}) as run:
            runtime: Any = run.run(_get_runtime)
    except (KeyError, RuntimeError):
        return None
    return getattr(runtime, "context", None)


def _get_runtime() -> Any:
    return get_runtime()
