"""`HoldfastMemory`: the memory of a classic chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage
from pydantic import ConfigDict, PrivateAttr

from holdfast import AsyncMemory, InvalidInput, Memory, OnError, ScopedMemory
from holdfast_langchain.turns import text_of

try:
    from langchain_classic.base_memory import BaseMemory
except ImportError:
    try:
        # langchain-core 0.3 has it itself.
        from langchain_core.memory import BaseMemory  # type: ignore[import-not-found, no-redef]
    except ImportError as error:
        raise ImportError(
            'HoldfastMemory needs langchain-classic: pip install "holdfast[langchain-classic]"'
        ) from error

_CONTROL_KEYS = frozenset(("stop",))


class HoldfastMemory(BaseMemory):
    """Gives a chain what is known about its user, and remembers every turn.

    It holds what lasts, not the words of the present conversation: `CombinedMemory` puts it beside a buffer.

    Args:
        memory: Where it is kept; it stays open.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets the chain go on without its memory when that fails, `"raise"` stops it.
        memory_key: The prompt's variable for what is recalled.
        input_key: The input that holds the user's words; may be left out where there is only one.
        output_key: The output that holds the answer; may be left out where there is only one.
        return_messages: Give a list with a system message (empty when nothing is known) for a chat prompt's
            placeholder, in the place of text.
        max_tokens: Room for what is recalled.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
        ValidationError: An option is unknown or out of range (pydantic's).
    """

    model_config = ConfigDict(extra="forbid")

    memory_key: str = "history"
    input_key: str | None = None
    output_key: str | None = None
    return_messages: bool = False
    max_tokens: int = 1_000

    _scoped: ScopedMemory = PrivateAttr()

    def __init__(
        self,
        *,
        memory: Memory | AsyncMemory,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: OnError = "log",
        **options: Any,
    ) -> None:
        scoped = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        super().__init__(**options)
        self._scoped = scoped

    @property
    def memory_variables(self) -> list[str]:
        """The one variable it fills."""
        return [self.memory_key]

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what is known that bears on the input, under `memory_key`.

        Without an input it is who the user is and what they like.

        Raises:
            InvalidInput: There are several inputs and `input_key` is not set.
        """
        return self._filled(self._scoped.context(self._question(inputs), max_tokens=self.max_tokens))

    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Await `load_memory_variables`."""
        return self._filled(await self._scoped.acontext(self._question(inputs), max_tokens=self.max_tokens))

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Remember what the user said and the chain answered; what was recalled for it is left out.

        Raises:
            InvalidInput: There are several inputs or outputs, and `input_key` or `output_key` is not set.
        """
        turn = self._turn(inputs, outputs)
        if turn:
            self._scoped.add(turn)

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Await `save_context`."""
        turn = self._turn(inputs, outputs)
        if turn:
            await self._scoped.aadd(turn)

    def clear(self) -> None:
        """Delete every memory of the scope."""
        self._scoped.delete_all()

    async def aclear(self) -> None:
        """Await `clear`."""
        await self._scoped.adelete_all()

    def _question(self, inputs: Mapping[str, Any]) -> str:
        return text_of(self._input(inputs))

    def _input(self, inputs: Mapping[str, Any]) -> Any:
        return _chosen(inputs, self.input_key, name="input", others={self.memory_key, *_CONTROL_KEYS})

    def _turn(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = _chosen(outputs, self.output_key, name="output", others=frozenset())
        said = {"user": _content(self._input(inputs)), "assistant": text_of(answer)}
        return [{"role": role, "content": content} for role, content in said.items() if content]

    def _filled(self, block: str) -> dict[str, Any]:
        if not self.return_messages:
            return {self.memory_key: block}
        recalled: list[BaseMessage] = [SystemMessage(block)] if block else []
        return {self.memory_key: recalled}


def _chosen(values: Mapping[str, Any], key: str | None, *, name: str, others: set[str] | frozenset[str]) -> Any:
    if key is not None:
        return values.get(key)
    keys = [candidate for candidate in values if candidate not in others]
    if len(keys) > 1:
        raise InvalidInput(f"there are several {name}s, {', '.join(sorted(keys))}: say which with {name}_key")
    return values[keys[0]] if keys else None


def _content(value: Any) -> Any:
    """Return what the user said as message content, images and all."""
    last = value[-1] if isinstance(value, list) and value and isinstance(value[-1], BaseMessage) else value
    content = last.content if isinstance(last, BaseMessage) else last
    return content if isinstance(content, list) else text_of(content).strip()
