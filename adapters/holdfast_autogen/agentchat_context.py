"""`MemoryChatCompletionContext`: long-term memory for agentchat as the model context of an agent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import Self

try:
    from autogen_core import Component, ComponentModel
    from autogen_core.model_context import (
        ChatCompletionContext,
        ChatCompletionContextState,
        UnboundedChatCompletionContext,
    )
    from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
except ImportError as error:
    raise ImportError(
        'MemoryChatCompletionContext needs the package autogen_core: pip install "holdfast[autogen-agentchat]"'
    ) from error

from holdfast import AsyncMemory, Memory, ScopedMemory, content_text
from holdfast_autogen.component_config import LABEL, MemoryConfig, get_path


class MemoryContextConfig(MemoryConfig):
    """The path of a memory, a scope, the names of users and the context below this one."""

    people: list[str]
    window: ComponentModel


ANY_USER = ("user", "user_proxy")
"""The names that agents of AutoGen give to their user."""


class MemoryChatCompletionContext(ChatCompletionContext, Component[MemoryContextConfig]):
    """A model context with a long-term memory, for `AssistantAgent(model_context=...)`.

    Each model call of a turn sees the memories relevant to the user's message before the other messages. They are
    searched once per turn, and are never stored in the context or in a checkpoint. The turn is remembered together
    with the agent's answer. Give each agent its own context. In a team, one context is enough to remember; give the
    other agents a `HoldfastAutoGenMemory` to recall.

    ```py
    AssistantAgent("assistant", model, model_context=MemoryChatCompletionContext(memory, user_id="ana"))
    ```

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        window: The context that stores the messages and selects those to show; by default it shows all.
        people: Names of users, in addition to the first speaker; messages of other names are an agent's.
        max_tokens: The size limit of the recalled block, in tokens (see `Memory.context`).
        on_error: `"log"` lets the agent continue when the memory fails, `"raise"` raises the failure.

    Raises:
        InvalidInput: No id is given, or an argument is unusable.
    """

    component_config_schema = MemoryContextConfig
    component_provider_override = "holdfast_autogen.MemoryChatCompletionContext"

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        window: ChatCompletionContext | None = None,
        people: Collection[str] = ANY_USER,
        max_tokens: int = 1_000,
        on_error: Literal["raise", "log"] = "log",
    ) -> None:
        super().__init__()
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._unscoped_memory = memory
        self._window = window if window is not None else UnboundedChatCompletionContext()
        self._max_tokens = max_tokens
        self._progress = _Progress(tuple(people))

    async def add_message(self, message: LLMMessage) -> None:
        """Store `message`; if it is the agent's answer, remember the turn."""
        await self._window.add_message(message)
        was_asked = self._progress.model_asked
        if self._progress.update(message) and was_asked:
            await self._save(message)

    async def get_messages(self) -> list[LLMMessage]:
        """Return the messages for the model, with the recalled block before them."""
        progress = self._progress
        if progress.block is None:
            progress.block = await self._memory.acontext(progress.query, max_tokens=self._max_tokens)
        progress.model_asked = True
        messages = await self._window.get_messages()
        return [SystemMessage(content=progress.block), *messages] if progress.block else [*messages]

    async def flush(self) -> None:
        """Remember the user's messages that got no answer, as when an agent ends its run with a tool's result."""
        await self._save(None)

    async def clear(self) -> None:
        """Start a new conversation, after remembering what is not remembered of the last one."""
        await self.flush()
        await self._window.clear()
        self._progress = _Progress(self._progress.people)

    async def save_state(self) -> Mapping[str, Any]:
        """Return the stored messages, without recalled memories."""
        return await self._window.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`, even in the middle of a turn."""
        await self._window.load_state(state)
        before, self._progress = self._progress, _Progress(self._progress.people)
        for message in ChatCompletionContextState.model_validate(state).messages:
            if self._progress.update(message):
                self._progress.unsaved.clear()
        if self._progress.query == before.query:
            self._progress.block = before.block

    async def _save(self, answer: LLMMessage | None) -> None:
        turn, self._progress.unsaved = self._progress.unsaved, []
        if turn:
            reply = [] if answer is None else [{"role": "assistant", "content": content_text(answer.content)}]
            await self._memory.aadd([*turn, *reply], metadata={LABEL: True})

    def _to_config(self) -> MemoryContextConfig:
        scoped = self._memory
        return MemoryContextConfig(
            path=get_path(self._unscoped_memory),
            max_tokens=self._max_tokens,
            on_error=scoped.on_error,
            people=list(self._progress.people),
            window=self._window.dump_component(),
            **scoped.scope.ids(),
        )

    @classmethod
    def _from_config(cls, config: MemoryContextConfig) -> Self:
        window = ChatCompletionContext.load_component(config.window)
        return cls(Memory(config.path), window=window, people=config.people, **config.arguments())


@dataclass(slots=True)
class _Progress:
    """The progress of a conversation.

    Attributes:
        people: Names of users, in addition to the first speaker.
        opener: The name of the first speaker.
        unsaved: The user's messages since the last answer.
        query: The user's last message.
        block: The block recalled for it; `None` before the search.
        model_asked: Whether the messages were shown to the model since the last one was added. Only then is the next
            one this agent's answer; otherwise it is another agent's that was passed on with the conversation.
    """

    people: tuple[str, ...]
    opener: str | None = None
    unsaved: list[dict[str, str]] = field(default_factory=list)
    query: str = ""
    block: str | None = None
    model_asked: bool = False

    def update(self, message: LLMMessage) -> bool:
        """Take in `message`, and return whether it is an answer of an agent."""
        self.model_asked = False
        text = content_text(message.content)
        if isinstance(message, UserMessage):
            self.opener = self.opener or message.source
            if text.strip() and message.source in (self.opener, *self.people):
                name = {"name": message.source} if self._is_one_of_several(message.source) else {}
                self.unsaved.append({"role": "user", "content": text, **name})
                self.query, self.block = text, None
        return isinstance(message, AssistantMessage) and bool(text.strip())

    def _is_one_of_several(self, source: str) -> bool:
        """Return whether `source` names one of several people, who are not all the user whose memory it is."""
        named = [name for name in self.people if name not in ANY_USER]
        return len(named) > 1 or source not in (self.opener, *named, *ANY_USER)
