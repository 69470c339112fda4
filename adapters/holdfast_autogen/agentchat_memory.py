"""Memory for agentchat through the seam it calls `Memory`: it recalls, and keeps what a program adds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from autogen_core import CancellationToken, Component
from autogen_core.memory import Memory as MemoryProtocol
from autogen_core.memory import MemoryContent, MemoryMimeType, MemoryQueryResult, UpdateContextResult
from autogen_core.model_context import ChatCompletionContext
from autogen_core.models import SystemMessage, UserMessage
from typing_extensions import Self

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_autogen.components import MemoryConfig, path_of

T = TypeVar("T")

_HEADING = "What is remembered:\n"
# What stands in a context now, by whom: each memory of an agent replaces its own, and what a checkpoint brought back.
_standing: WeakKeyDictionary[ChatCompletionContext, WeakKeyDictionary[Any, str]] = WeakKeyDictionary()


class HoldfastAutoGenMemory(MemoryProtocol, Component[MemoryConfig]):
    """A long-term memory for `AssistantAgent(memory=[...])`.

    AutoGen asks it before each run of the agent and never tells it anything: `MemoryChatCompletionContext` also saves
    what was said. What it recalls stands in the agent's context, before all else, until the next run replaces it.

    Args:
        memory: Where it is kept; it stays open.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        max_tokens: Room for what is recalled (see `Memory.context`).
        on_error: `"log"` lets the agent go on when the memory fails, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or an argument cannot be used.
    """

    component_config_schema = MemoryConfig
    component_provider_override = "holdfast_autogen.HoldfastAutoGenMemory"

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        max_tokens: int = 1_000,
        on_error: Literal["raise", "log"] = "log",
    ) -> None:
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._given = memory
        self._max_tokens = max_tokens
        self._owned: Memory | None = None

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Put what bears on the last message into `model_context`, in the place of what was recalled before."""
        shown = await model_context.get_messages()
        block = await self._memory.acontext(_last_words(shown), max_tokens=self._max_tokens)
        await self._replace(model_context, block)
        found = [MemoryContent(content=block, mime_type=MemoryMimeType.TEXT)] if block else []
        return UpdateContextResult(memories=MemoryQueryResult(results=found))

    async def query(
        self,
        query: str | MemoryContent,
        cancellation_token: CancellationToken | None = None,
        **kwargs: Any,
    ) -> MemoryQueryResult:
        """Return the memories that bear on `query`, best first; `metadata` holds their ids, scores and times.

        Args:
            query: Text, or content that is text.
            cancellation_token: Cancels the search.
            kwargs: `limit`, `threshold` and `filters`, as `Memory.search` has them; no filter leaves the scope.

        Raises:
            asyncio.CancelledError: The token was cancelled.
            InvalidInput: `query` is no text.
        """
        text = query if isinstance(query, str) else _text(query)
        searched = self._memory.asearch(text, **kwargs)
        return MemoryQueryResult(results=[_content(item) for item in await _cancellable(searched, cancellation_token)])

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Keep `content` as it is; its metadata can be used in filters.

        Raises:
            asyncio.CancelledError: The token was cancelled.
            InvalidInput: It is an image or bytes.
        """
        added = self._memory.aadd(_text(content), infer=False, metadata=content.metadata)
        await _cancellable(added, cancellation_token)

    async def clear(self) -> None:
        """Delete every memory of the scope."""
        await self._memory.adelete_all()

    async def close(self) -> None:
        """Let go of the file if this component opened it, when it was loaded; a memory that was given stays open."""
        if self._owned is not None:
            await asyncio.to_thread(self._owned.close)

    async def _replace(self, model_context: ChatCompletionContext, block: str) -> None:
        standing = _standing.setdefault(model_context, WeakKeyDictionary())
        standing.pop(self, None)
        state = dict(await model_context.save_state())
        others = standing.values()
        messages = [
            message for message in state["messages"] if not _is_recalled(message) or message["content"] in others
        ]
        if not block:
            await model_context.load_state({**state, "messages": messages})
            return
        standing[self] = _HEADING + block
        recalled = SystemMessage(content=standing[self]).model_dump()
        # First, since some providers want system messages together, and the agent's own stands before all of them.
        await model_context.load_state({**state, "messages": [recalled, *messages]})
        shown = await model_context.get_messages()
        if shown and shown[0].content != standing[self]:  # the context shows the last messages only
            messages.insert(min(len(messages) - len(shown) + 1, len(messages) - 1), recalled)
            await model_context.load_state({**state, "messages": messages})

    def _to_config(self) -> MemoryConfig:
        scoped = self._memory
        return MemoryConfig(
            path=path_of(self._given),
            max_tokens=self._max_tokens,
            on_error=scoped.on_error,
            **scoped.scope.ids(),
        )

    @classmethod
    def _from_config(cls, config: MemoryConfig) -> Self:
        opened = Memory(config.path)
        loaded = cls(opened, **config.arguments())
        loaded._owned = opened
        return loaded


async def _cancellable(call: Coroutine[Any, Any, T], token: CancellationToken | None) -> T:
    task = asyncio.ensure_future(call)
    if token is not None:
        token.link_future(task)
    return await task


def _last_words(messages: list[Any]) -> str:
    said = next((message for message in reversed(messages) if isinstance(message, UserMessage)), None)
    if said is None:
        return ""
    parts = [said.content] if isinstance(said.content, str) else said.content
    return "\n".join(part for part in parts if isinstance(part, str))


def _is_recalled(message: Mapping[str, Any]) -> bool:
    return message["type"] == "SystemMessage" and str(message["content"]).startswith(_HEADING)


def _text(content: MemoryContent) -> str:
    if isinstance(content.content, str):
        return content.content
    if isinstance(content.content, dict):
        return json.dumps(content.content, ensure_ascii=False)
    raise InvalidInput(f"the content is {type(content.content).__name__}: text and JSON are kept, images and bytes not")


def _content(item: Mapping[str, Any]) -> MemoryContent:
    metadata = {
        **(item.get("metadata") or {}),
        **{key: item[key] for key in ("id", "score", "created_at", "updated_at")},
    }
    return MemoryContent(content=item["memory"], mime_type=MemoryMimeType.TEXT, metadata=metadata)
