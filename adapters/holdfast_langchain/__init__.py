"""Holdfast in LangChain: one long-term memory for its chains, retrievers, tools and agents.

Each name is imported when it is first used, for they need different packages: `HoldfastMemory` needs
`langchain-classic` (or langchain-core 0.3), `MemoryMiddleware` needs `langchain` 1.x, the others langchain-core alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast import FROM_CONFIG
    from holdfast_langchain.agent_middleware import MemoryMiddleware
    from holdfast_langchain.chain_memory import HoldfastMemory
    from holdfast_langchain.chat_history import HoldfastChatMessageHistory
    from holdfast_langchain.retriever import HoldfastRetriever
    from holdfast_langchain.tools import memory_tools
    from holdfast_langchain.vector_store import HoldfastVectorStore

try:
    import langchain_core as _  # noqa: F401 - whoever lacks it hears so here, and how to get it
except ImportError as error:
    raise ImportError('LangChain is not installed: pip install "holdfast[langchain]"') from error

__all__ = [
    "FROM_CONFIG",
    "HoldfastChatMessageHistory",
    "HoldfastMemory",
    "HoldfastRetriever",
    "HoldfastVectorStore",
    "MemoryMiddleware",
    "memory_tools",
]

_MODULES = {
    "FROM_CONFIG": "identity",
    "HoldfastChatMessageHistory": "chat_history",
    "HoldfastMemory": "chain_memory",
    "HoldfastRetriever": "retriever",
    "HoldfastVectorStore": "vector_store",
    "MemoryMiddleware": "agent_middleware",
    "memory_tools": "tools",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"holdfast_langchain.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'holdfast_langchain' has no attribute {name!r}")
