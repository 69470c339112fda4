"""Memory for ag2 from 1.0: a plugin for `Agent`, the successor of `ConversableAgent`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from ag2 import Context, Plugin
from ag2.events import BaseEvent, ModelRequest, ModelResponse, TextInput
from ag2.middleware import AgentTurn, BaseMiddleware, LLMCall

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

    What bears on the user's words is looked up once for a turn and stands at the end of the prompt while the model is
    asked; the prompt and the history never keep it. The turn is saved with the agent's answer.

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
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return Plugin(middleware=[partial(_Remembering, memory=scoped, max_tokens=max_tokens)])


class _Remembering(BaseMiddleware):  # type: ignore[misc]
    """The memory during one turn: ag2 makes one for each."""

    def __init__(self, event: BaseEvent, context: Context, *, memory: ScopedMemory, max_tokens: int) -> None:
        super().__init__(event, context)
        self._memory = memory
        self._max_tokens = max_tokens
        self._asked = _text(event)
        self._block: str | None = None

    async def on_llm_call(self, call_next: LLMCall, events: Sequence[BaseEvent], context: Context) -> ModelResponse:
        if self._block is None:
            self._block = await self._memory.acontext(self._asked, max_tokens=self._max_tokens)
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
        if self._asked.strip() and (response.content or "").strip():
            said = [
                {"role": "user", "content": self._asked},
                {"role": "assistant", "content": response.content},
            ]
            await self._memory.aadd(said)
        return response


def _text(event: BaseEvent) -> str:
    parts = event.parts if isinstance(event, ModelRequest) else ()
    return "\n".join(part.content for part in parts if isinstance(part, TextInput))
