"""Scripted engines, and a scripted server with OpenAI's protocol: tests without keys, costs or chance.

They are public, so that programs built on Holdfast are tested with the same ones as Holdfast itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.testing.engines import ChatCall, Reply, ScriptedChatModel, ScriptedEmbedder, ScriptExhausted
from holdfast.testing.server import (
    Completion,
    Fault,
    RecordedRequest,
    ScriptedServer,
    ServerReply,
    ToolCall,
    scripted_openai_server,
)

if TYPE_CHECKING:
    from holdfast import Memory

__all__ = [
    "ChatCall",
    "Completion",
    "Fault",
    "RecordedRequest",
    "Reply",
    "ScriptExhausted",
    "ScriptedChatModel",
    "ScriptedEmbedder",
    "ScriptedServer",
    "ServerReply",
    "ToolCall",
    "memory_for_tests",
    "scripted_openai_server",
]


def memory_for_tests(**options: Any) -> Memory:
    """Return a memory in RAM that calls no model: with the rules and a scripted embedder.

    Args:
        options: Arguments of `Memory` to use instead, such as `llm=ScriptedChatModel([...])`.

    >>> memory = memory_for_tests()
    >>> _ = memory.add("I live in Lisbon", user_id="ana")
    >>> [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
    ['I live in Lisbon']
    """
    from holdfast import Memory  # noqa: PLC0415 - the engines work without it

    return Memory(**{"path": ":memory:", "llm": "rules", "embedder": ScriptedEmbedder(), **options})
