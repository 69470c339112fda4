"""Holdfast: one long-term memory for AI agents, whatever framework they are written in.

>>> from holdfast import Memory
>>> memory = Memory(":memory:", llm="rules", embedder="hashing")
>>> added = memory.add("I moved to Lisbon and I'm allergic to peanuts", user_id="ana")
>>> memory.search("is she allergic to anything?", user_id="ana", limit=1)["results"][0]["memory"]
"I'm allergic to peanuts"
"""

from typing import TYPE_CHECKING

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
from holdfast.lazy import lazily

if TYPE_CHECKING:
    from holdfast.agents.owner import FROM_CONFIG, Id, Owner
    from holdfast.agents.scoped import OnError, ScopedMemory
    from holdfast.agents.tools import MEMORY_TOOLS, MemoryTool, ToolAnswer
    from holdfast.async_memory import AsyncMemory
    from holdfast.config import Config
    from holdfast.extraction.rules import Slot, slots_of
    from holdfast.memory import Memory
    from holdfast.protocols import ChatMessage, ChatModel, Embedder, Reranker
    from holdfast.providers.hashing import HashingEmbedder
    from holdfast.results import MemoryItem

__all__ = [
    "FROM_CONFIG",
    "MEMORY_TOOLS",
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
    "Id",
    "InvalidFilter",
    "InvalidInput",
    "Memory",
    "MemoryItem",
    "MemoryTool",
    "NotFound",
    "OnError",
    "Owner",
    "ProviderError",
    "Reranker",
    "SchemaTooNew",
    "ScopedMemory",
    "Slot",
    "StorageError",
    "ToolAnswer",
    "UnreadableReply",
    "slots_of",
]

__version__ = "0.1.0"

__getattr__ = lazily(
    __name__,
    {
        "AsyncMemory": "holdfast.async_memory",
        "FROM_CONFIG": "holdfast.agents.owner",
        "Id": "holdfast.agents.owner",
        "OnError": "holdfast.agents.scoped",
        "Owner": "holdfast.agents.owner",
        "ChatMessage": "holdfast.protocols",
        "ChatModel": "holdfast.protocols",
        "Config": "holdfast.config",
        "Embedder": "holdfast.protocols",
        "HashingEmbedder": "holdfast.providers.hashing",
        "MEMORY_TOOLS": "holdfast.agents.tools",
        "Memory": "holdfast.memory",
        "MemoryItem": "holdfast.results",
        "MemoryTool": "holdfast.agents.tools",
        "Reranker": "holdfast.protocols",
        "ScopedMemory": "holdfast.agents.scoped",
        "Slot": "holdfast.extraction.rules",
        "ToolAnswer": "holdfast.agents.tools",
        "slots_of": "holdfast.extraction.rules",
    },
)
