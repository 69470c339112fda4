"""Holdfast: one long-term memory for AI agents, whatever framework they are written in.

>>> from holdfast import Memory
>>> memory = Memory(":memory:", llm="rules", embedder="hashing")
>>> added = memory.add("I moved to Lisbon and I'm allergic to peanuts", user_id="ana")
>>> memory.search("is she allergic to anything?", user_id="ana", limit=1)["results"][0]["memory"]
"I'm allergic to peanuts"
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast.config import Config
from holdfast.errors import (
    ConfigError,
    DimensionMismatch,
    EmbedderMismatch,
    HoldfastError,
    InvalidFilter,
    InvalidInput,
    NotFound,
    ProviderError,
    SchemaTooNew,
    StorageError,
    UnreadableReply,
)
from holdfast.memory import Memory
from holdfast.ports import ChatMessage, ChatModel, Embedder, Reranker
from holdfast.providers.hashing import HashingEmbedder

if TYPE_CHECKING:
    from holdfast.aio import AsyncMemory
    from holdfast.scoped import ScopedMemory

__all__ = [
    "AsyncMemory",
    "ChatMessage",
    "ChatModel",
    "Config",
    "ConfigError",
    "DimensionMismatch",
    "Embedder",
    "EmbedderMismatch",
    "HashingEmbedder",
    "HoldfastError",
    "InvalidFilter",
    "InvalidInput",
    "Memory",
    "NotFound",
    "ProviderError",
    "Reranker",
    "SchemaTooNew",
    "ScopedMemory",
    "StorageError",
    "UnreadableReply",
]

__version__ = "0.1.0"


# asyncio takes a third of the start-up time: only who awaits pays it.
_LAZY = {"AsyncMemory": "holdfast.aio", "ScopedMemory": "holdfast.scoped"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
