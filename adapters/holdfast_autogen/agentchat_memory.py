"""`HoldfastAutoGenMemory`: long-term memory for agentchat through its `Memory` protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from typing_extensions import Self

try:
    from autogen_core import CancellationToken, Component
    from autogen_core.memory import (
        Memory as MemoryProtocol,
        MemoryContent,
        MemoryMimeType,
        MemoryQueryResult,
        UpdateContextResult,
    )
    from autogen_core.model_context import ChatCompletionContext
    from autogen_core.models import SystemMessage, UserMessage
except ImportError as error:
    raise ImportError(
        'HoldfastAutoGenMemory needs the package autogen_core: pip install "holdfast[autogen-agentchat]"'
    ) from error

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory, content_text
from holdfast_autogen.component_config import LABEL, MemoryConfig, get_path

T = TypeVar("T")

_HEADING = "What is remembered:\n"
# The block in each context by the memory that put it there: a memory replaces its own block and those a checkpoint
# restored, and leaves the blocks of an agent's other memories.
_current_blocks: WeakKeyDictionary[ChatCompletionContext, WeakKeyDictionary[Any, str]] = WeakKeyDictionary()


class ClearableMemoryConfig(MemoryConfig):
    """The configuration of a `HoldfastAutoGenMemory`."""

    clears_scope: bool = False


class HoldfastAutoGenMemory(MemoryProtocol, Component[ClearableMemoryConfig]):
    """A long-term memory for `AssistantAgent(memory=[...])`.

    It only recalls: AutoGen queries it before each run of the agent and adds nothing to it. Use
    `MemoryChatCompletionContext` to remember conversations too. The recalled block is the first message of the
    agent's context until the next run replaces it.

    ```py
    AssistantAgent("assistant", model, memory=[HoldfastAutoGenMemory(memory, user_id="ana")])
    ```

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        max_tokens: The size limit of the recalled block, in tokens (see `Memory.context`).
        on_error: `"log"` lets the agent continue when the memory fails, `"raise"` raises the failure.
        clears_scope: Whether `clear` also deletes what was stored in the scope by other means than AutoGen.

    Raises:
        InvalidInput: No id is given, or an argument is unusable.
    """

    component_config_schema = ClearableMemoryConfig
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
        clears_scope: bool = False,
    ) -> None:
        self._clears_scope = clears_scope
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._unscoped_memory = memory
        self._max_tokens = max_tokens
        self._opened: Memory | None = None

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Put the memories relevant to the last message into `model_context`, replacing the block of the last run."""
        messages = await model_context.get_messages()
        block = await self._memory.acontext(_get_last_question(messages), max_tokens=self._max_tokens)
        await self._replace(model_context, block)
        results = [MemoryContent(content=block, mime_type=MemoryMimeType.TEXT)] if block else []
        return UpdateContextResult(memories=MemoryQueryResult(results=results))

    async def query(
        self,
        query: str | MemoryContent,
        cancellation_token: CancellationToken | None = None,
        **kwargs: Any,
    ) -> MemoryQueryResult:
        """Return the memories relevant to `query`, best first; `metadata` holds their ids, scores and times.

        Args:
            query: Text, or content that is text.
            cancellation_token: Cancels the search.
            kwargs: `limit`, `threshold` and `filters` of `Memory.search`; a filter cannot leave the scope.

        Raises:
            asyncio.CancelledError: The token was cancelled.
            InvalidInput: `query` is not text.
        """
        text = query if isinstance(query, str) else _get_text(query)
        searched = self._memory.asearch(text, **kwargs)
        return MemoryQueryResult(
            results=[_to_content(item) for item in await _cancellable(searched, cancellation_token)]
        )

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Store `content` unchanged; filters can use its metadata.

        Raises:
            asyncio.CancelledError: The token was cancelled.
            InvalidInput: `content` is an image or bytes.
        """
        added = self._memory.aadd(_get_text(content), infer=False, metadata={**(content.metadata or {}), LABEL: True})
        await _cancellable(added, cancellation_token)

    async def clear(self) -> None:
        """Delete every memory of the scope that was stored through AutoGen; those that others have stored stay."""
        await self._memory.adelete_all(filters=None if self._clears_scope else {LABEL: True})

    async def close(self) -> None:
        """Close the memory if this component opened it when it was loaded; a memory that was given stays open."""
        if self._opened is not None:
            await asyncio.to_thread(self._opened.close)

    async def _replace(self, model_context: ChatCompletionContext, block: str) -> None:
        blocks = _current_blocks.setdefault(model_context, WeakKeyDictionary())
        blocks.pop(self, None)
        state = dict(await model_context.save_state())
        others = blocks.values()
        messages = [
            message for message in state["messages"] if not _is_recalled(message) or message["content"] in others
        ]
        if not block:
            await model_context.load_state({**state, "messages": messages})
            return
        blocks[self] = _HEADING + block
        recalled = SystemMessage(content=blocks[self]).model_dump()
        # First, because some providers require system messages to be adjacent, and the agent adds its own before these.
        await model_context.load_state({**state, "messages": [recalled, *messages]})
        shown = await model_context.get_messages()
        if shown and shown[0].content != blocks[self]:  # the context shows only the last messages
            messages.insert(min(len(messages) - len(shown) + 1, len(messages) - 1), recalled)
            await model_context.load_state({**state, "messages": messages})

    def _to_config(self) -> ClearableMemoryConfig:
        scoped = self._memory
        return ClearableMemoryConfig(
            path=get_path(self._unscoped_memory),
            max_tokens=self._max_tokens,
            on_error=scoped.on_error,
            clears_scope=self._clears_scope,
            **scoped.scope.ids(),
        )

    @classmethod
    def _from_config(cls, config: ClearableMemoryConfig) -> Self:
        opened = Memory(config.path)
        loaded = cls(opened, **config.arguments(), clears_scope=config.clears_scope)
        loaded._opened = opened
        return loaded


async def _cancellable(call: Coroutine[Any, Any, T], token: CancellationToken | None) -> T:
    task = asyncio.ensure_future(call)
    if token is not None:
        token.link_future(task)
    return await task


def _get_last_question(messages: list[Any]) -> str:
    last = next((message for message in reversed(messages) if isinstance(message, UserMessage)), None)
    return "" if last is None else content_text(last.content)


def _is_recalled(message: Mapping[str, Any]) -> bool:
    return message["type"] == "SystemMessage" and str(message["content"]).startswith(_HEADING)


def _get_text(content: MemoryContent) -> str:
    if isinstance(content.content, str):
        return content.content
    if isinstance(content.content, dict):
        return json.dumps(content.content, ensure_ascii=False)
    raise InvalidInput(
        f"the content is {type(content.content).__name__}: text and JSON can be stored, images and bytes cannot"
    )


def _to_content(item: Mapping[str, Any]) -> MemoryContent:
    own = {key: value for key, value in (item.get("metadata") or {}).items() if key != LABEL}
    metadata = {
        **own,
        **{key: item[key] for key in ("id", "score", "created_at", "updated_at")},
    }
    return MemoryContent(content=item["memory"], mime_type=MemoryMimeType.TEXT, metadata=metadata)
