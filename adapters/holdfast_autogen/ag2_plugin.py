"""`memory_plugin`: long-term memory for the `Agent` of ag2 from 1.0, the successor of `ConversableAgent`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

try:
    from ag2 import Context, Plugin
    from ag2.events import BaseEvent, ModelRequest, ModelResponse, TextInput
    from ag2.middleware import AgentTurn, BaseMiddleware, LLMCall
except ImportError as error:
    raise ImportError('memory_plugin needs the package ag2: pip install "holdfast[ag2]"') from error

from holdfast import AsyncMemory, Memory, ScopedMemory


def memory_plugin(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    max_tokens: int = 1_000,
    on_error: Literal["raise", "log"] = "log",
) -> Plugin:
    """Return a plugin that gives an agent a long-term memory: `Agent(..., plugins=[memory_plugin(...)])`.

    The memory is searched once per turn, for the user's message. The result is appended to the prompt of each model
    call of the turn, and is never part of the stored prompt or of the history. The turn is remembered together with
    the agent's answer.

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        max_tokens: The size limit of the recalled block, in tokens (see `Memory.context`).
        on_error: `"log"` lets the agent continue when the memory fails, `"raise"` raises the failure.

    Raises:
        InvalidInput: No id is given, or an argument is unusable.
    """
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return Plugin(middleware=[partial(_MemoryMiddleware, memory=scoped, max_tokens=max_tokens)])


class _MemoryMiddleware(BaseMiddleware):  # type: ignore[misc]
    """Recalls and remembers during one turn; ag2 makes one object for each turn."""

    def __init__(self, event: BaseEvent, context: Context, *, memory: ScopedMemory, max_tokens: int) -> None:
        super().__init__(event, context)
        self._memory = memory
        self._max_tokens = max_tokens
        self._question = _get_text(event)
        self._block: str | None = None

    async def on_llm_call(self, call_next: LLMCall, events: Sequence[BaseEvent], context: Context) -> ModelResponse:
        if self._block is None:
            self._block = await self._memory.acontext(self._question, max_tokens=self._max_tokens)
        if not self._block:
            return await call_next(events, context)
        prompt = context.prompt
        context.prompt = [*prompt, self._block]
        try:
            return await call_next(events, context)
        finally:
            context.prompt = prompt

    async def on_turn(self, call_next: AgentTurn, event: BaseEvent, context: Context) -> ModelResponse:
        response = await call_next(event, context)
        if self._question.strip() and (response.content or "").strip():
            turn = [
                {"role": "user", "content": self._question},
                {"role": "assistant", "content": response.content},
            ]
            await self._memory.aadd(turn)
        return response


def _get_text(event: BaseEvent) -> str:
    parts = event.parts if isinstance(event, ModelRequest) else ()
    return "\n".join(part.content for part in parts if isinstance(part, TextInput))
