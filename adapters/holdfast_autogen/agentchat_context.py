"""Memory for agentchat through the agent's model context: it recalls, saves what is said, and leaves no trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autogen_core import Component, ComponentModel
from autogen_core.model_context import (
    ChatCompletionContext,
    ChatCompletionContextState,
    UnboundedChatCompletionContext,
)
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from typing_extensions import Self

from holdfast import AsyncMemory, Memory, ScopedMemory
from holdfast_autogen.components import MemoryConfig, path_of


class MemoryContextConfig(MemoryConfig):
    """A memory, a scope, who the users are and the context that is shown."""

    people: list[str]
    window: ComponentModel


class MemoryChatCompletionContext(ChatCompletionContext, Component[MemoryContextConfig]):
    """A model context with a long-term memory, for `AssistantAgent(model_context=...)`.

    Each time the model is asked, what bears on the user's words stands before the messages; it is looked up once for
    a turn and is never among those that are kept or written to a checkpoint. The turn is saved with the agent's
    answer. Give each agent a context of its own; in a team one that saves is enough, `HoldfastAutoGenMemory` lets
    the others recall.

    Args:
        memory: Where it is kept; it stays open.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        window: The context that holds the messages and says which are shown; all of them by default.
        people: Names under which users speak, beside whoever speaks first: an agent's words are not a user's.
        max_tokens: Room for what is recalled (see `Memory.context`).
        on_error: `"log"` lets the agent go on when the memory fails, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or an argument cannot be used.
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
        people: Collection[str] = ("user", "user_proxy"),
        max_tokens: int = 1_000,
        on_error: Literal["raise", "log"] = "log",
    ) -> None:
        super().__init__()
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._given = memory
        self._window = window if window is not None else UnboundedChatCompletionContext()
        self._max_tokens = max_tokens
        self._talk = _Talk(tuple(people))

    async def add_message(self, message: LLMMessage) -> None:
        """Keep `message`; with the agent's answer the turn is saved."""
        await self._window.add_message(message)
        asked = self._talk.model_asked
        if self._talk.hears(message) and asked:
            await self._save(message)

    async def get_messages(self) -> list[LLMMessage]:
        """Return the messages for the model, before them what is recalled."""
        talk = self._talk
        if talk.block is None:
            talk.block = await self._memory.acontext(talk.query, max_tokens=self._max_tokens)
        talk.model_asked = True
        messages = await self._window.get_messages()
        return [SystemMessage(content=talk.block), *messages] if talk.block else [*messages]

    async def flush(self) -> None:
        """Save what the user said when no answer followed, as when an agent ends its run with a tool's result."""
        await self._save(None)

    async def clear(self) -> None:
        """Begin a new conversation; what was said in the last one is saved first."""
        await self.flush()
        await self._window.clear()
        self._talk = _Talk(self._talk.people)

    async def save_state(self) -> Mapping[str, Any]:
        """Return the messages that are kept; what was recalled is not among them."""
        return await self._window.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`, also in the middle of a turn."""
        await self._window.load_state(state)
        before, self._talk = self._talk, _Talk(self._talk.people)
        for message in ChatCompletionContextState.model_validate(state).messages:
            if self._talk.hears(message):
                self._talk.unsaved.clear()
        if self._talk.query == before.query:
            self._talk.block = before.block

    async def _save(self, answer: LLMMessage | None) -> None:
        said, self._talk.unsaved = self._talk.unsaved, []
        if said:
            turn = [{"role": "user", "content": text} for text in said]
            reply = [] if answer is None else [{"role": "assistant", "content": _text(answer)}]
            await self._memory.aadd([*turn, *reply])

    def _to_config(self) -> MemoryContextConfig:
        scoped = self._memory
        return MemoryContextConfig(
            path=path_of(self._given),
            max_tokens=self._max_tokens,
            on_error=scoped.on_error,
            people=list(self._talk.people),
            window=self._window.dump_component(),
            **scoped.scope.ids(),
        )

    @classmethod
    def _from_config(cls, config: MemoryContextConfig) -> Self:
        window = ChatCompletionContext.load_component(config.window)
        return cls(Memory(config.path), window=window, people=config.people, **config.arguments())


@dataclass(slots=True)
class _Talk:
    """What was heard of a conversation.

    Attributes:
        people: Names under which users speak, beside whoever speaks first.
        opener: Who spoke first.
        unsaved: What the user said since the last answer.
        query: What the user said last.
        block: What was recalled for it; `None` before it was looked up.
        model_asked: Whether the model was shown the messages since the last of them came: only then the next one is
            this agent's answer, and not another's that was handed over with the conversation.
    """

    people: tuple[str, ...]
    opener: str | None = None
    unsaved: list[str] = field(default_factory=list)
    query: str = ""
    block: str | None = None
    model_asked: bool = False

    def hears(self, message: LLMMessage) -> bool:
        """Take note of `message`; tell whether it is something an agent says."""
        self.model_asked = False
        text = _text(message)
        if isinstance(message, UserMessage):
            self.opener = self.opener or message.source
            if text.strip() and message.source in (self.opener, *self.people):
                self.unsaved.append(text)
                self.query, self.block = text, None
        return isinstance(message, AssistantMessage) and bool(text.strip())


def _text(message: LLMMessage) -> str:
    """Return the text of a message; its images, calls of tools and what they returned are none."""
    parts = [message.content] if isinstance(message.content, str) else message.content
    return "\n".join(part for part in parts if isinstance(part, str))
