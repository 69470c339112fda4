"""Holdfast in LangGraph: nodes that recall and remember, a store for graphs, and tools for agents.

Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast import FROM_CONFIG
    from holdfast_langgraph.namespaces import namespace_label
    from holdfast_langgraph.nodes import retrieve_node, update_node
    from holdfast_langgraph.state import MemoryState, Recalled, messages_with_memories
    from holdfast_langgraph.store import HoldfastStore
    from holdfast_langgraph.tools import memory_tools

try:
    import langgraph.channels as _  # noqa: F401 - whoever lacks it hears so here, and how to get it
except ImportError as error:
    raise ImportError('LangGraph is not installed: pip install "holdfast[langgraph]"') from error

__all__ = [
    "FROM_CONFIG",
    "HoldfastStore",
    "MemoryState",
    "Recalled",
    "memory_tools",
    "messages_with_memories",
    "namespace_label",
    "retrieve_node",
    "update_node",
]

_MODULES = {
    "FROM_CONFIG": "identity",
    "HoldfastStore": "store",
    "MemoryState": "state",
    "Recalled": "state",
    "memory_tools": "tools",
    "messages_with_memories": "state",
    "namespace_label": "namespaces",
    "retrieve_node": "nodes",
    "update_node": "nodes",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"holdfast_langgraph.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'holdfast_langgraph' has no attribute {name!r}")
