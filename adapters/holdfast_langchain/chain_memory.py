"""`HoldfastMemory`: long-term memory for a classic chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage
from pydantic import ConfigDict, PrivateAttr

from holdfast import AsyncMemory, InvalidInput, Memory, OnError, ScopedMemory
from holdfast_langchain.messages import get_text

try:
    from langchain_classic.base_memory import BaseMemory
except ImportError:
    try:
        # langchain-core 0.3 has the class itself; 1.0 moved it to langchain-classic.
        from langchain_core.memory import BaseMemory  # type: ignore[import-not-found, no-redef]
    except ImportError as error:
        raise ImportError(
            'HoldfastMemory needs langchain-classic: pip install "holdfast[langchain-classic]"'
        ) from error

_CONTROL_KEYS = frozenset(("stop",))  # inputs of a chain that are not the user's words

_LABELLED = {"stored_by": "langchain_memory"}
_OWN: dict[str, Any] = {"metadata": dict(_LABELLED)}


class HoldfastMemory(BaseMemory):
    """Fills a prompt variable with what is remembered about the user, and remembers every turn.

    It does not repeat the current conversation: combine it with a buffer in a `CombinedMemory` for that.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> chain_memory = HoldfastMemory(memory=memory, user_id="ana")
    >>> chain_memory.save_context({"input": "I live in Porto."}, {"response": "Noted."})
    >>> "I live in Porto." in chain_memory.load_memory_variables({"input": "Where do I live?"})["history"]
    True

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets the chain continue without memory when the memory fails, `"raise"` stops it.
        memory_key: The prompt variable to fill.
        input_key: The input that holds the user's message; needed only if there are several inputs.
        output_key: The output that holds the answer; needed only if there are several outputs.
        return_messages: Fill the variable with a list that holds one system message, or with an empty list when
            nothing is remembered, for the placeholder of a chat prompt. By default the variable is text.
        max_tokens: The size limit of the recalled block, in tokens.
        clears_scope: Whether `clear` also deletes what was stored in the scope by other means than this class.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
        ValidationError: An option is unknown or out of range (pydantic's).
    """

    model_config = ConfigDict(extra="forbid")

    memory_key: str = "history"
    input_key: str | None = None
    output_key: str | None = None
    return_messages: bool = False
    max_tokens: int = 1_000
    clears_scope: bool = False

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
        """The names of the variables this memory fills: one."""
        return [self.memory_key]

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the memories relevant to the input, under `memory_key`.

        Without an input these are the profile facts and instructions of the user.

        Raises:
            InvalidInput: There are several inputs and `input_key` is not set.
        """
        return self._to_variables(self._scoped.context(self._question(inputs), max_tokens=self.max_tokens))

    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Do `load_memory_variables` without blocking the event loop."""
        return self._to_variables(await self._scoped.acontext(self._question(inputs), max_tokens=self.max_tokens))

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Remember the user's message and the chain's answer, without the text that was recalled for them.

        Raises:
            InvalidInput: There are several inputs or outputs, and `input_key` or `output_key` is not set.
        """
        turn = self._turn(inputs, outputs)
        if turn:
            self._scoped.add(turn, metadata=_LABELLED)

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Do `save_context` without blocking the event loop."""
        turn = self._turn(inputs, outputs)
        if turn:
            await self._scoped.aadd(turn, metadata=_LABELLED)

    def clear(self) -> None:
        """Delete every memory of the scope that was stored through this class."""
        self._scoped.delete_all(filters=self._reach())

    async def aclear(self) -> None:
        """Do `clear` without blocking the event loop."""
        await self._scoped.adelete_all(filters=self._reach())

    def _reach(self) -> dict[str, Any] | None:
        return None if self.clears_scope else _OWN

    def _question(self, inputs: Mapping[str, Any]) -> str:
        return get_text(self._input(inputs))

    def _input(self, inputs: Mapping[str, Any]) -> Any:
        return _select_value(inputs, self.input_key, name="input", ignored={self.memory_key, *_CONTROL_KEYS})

    def _turn(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = _select_value(outputs, self.output_key, name="output", ignored=frozenset())
        contents = {"user": _to_content(self._input(inputs)), "assistant": get_text(answer)}
        return [{"role": role, "content": content} for role, content in contents.items() if content]

    def _to_variables(self, block: str) -> dict[str, Any]:
        if not self.return_messages:
            return {self.memory_key: block}
        recalled: list[BaseMessage] = [SystemMessage(block)] if block else []
        return {self.memory_key: recalled}


def _select_value(values: Mapping[str, Any], key: str | None, *, name: str, ignored: set[str] | frozenset[str]) -> Any:
    if key is not None:
        return values.get(key)
    keys = [candidate for candidate in values if candidate not in ignored]
    if len(keys) > 1:
        raise InvalidInput(f"there are several {name}s, {', '.join(sorted(keys))}: name one with {name}_key")
    return values[keys[0]] if keys else None


def _to_content(value: Any) -> Any:
    """Return the user's input as message content, with images."""
    last = value[-1] if isinstance(value, list) and value and isinstance(value[-1], BaseMessage) else value
    content = last.content if isinstance(last, BaseMessage) else last
    return content if isinstance(content, list) else get_text(content).strip()
