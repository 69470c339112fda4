"""`MemoryMiddleware`: long-term memory for the agents of `create_agent`."""

# ruff: noqa: UP045 - LangGraph passes `config` only to a parameter annotated with exactly this spelling

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Optional, cast
from urllib.parse import quote

from langchain_core.runnables import RunnableConfig
from typing_extensions import NotRequired

from holdfast import AsyncMemory, Id, InvalidInput, Memory, OnError, Owner
from holdfast_langchain.messages import append_to_system_message, get_last_question, get_last_turn
from holdfast_langchain.run_memory import memory_for_run

try:
    from langchain.agents.middleware.types import (
        AgentMiddleware,
        AgentState,
        ModelRequest,
        ModelResponse,
        PrivateStateAttr,
    )
    from langgraph.channels import UntrackedValue
    from langgraph.runtime import Runtime
except ImportError as error:
    raise ImportError(
        'MemoryMiddleware needs langchain 1.3 or later: pip install "holdfast[langchain-agents]"'
    ) from error

_RECALLED = "holdfast_recalled"  # the state key of `RecallState`


class RecallState(AgentState[Any]):
    """An agent's state with the recalled blocks by the name of their middleware: in no input, output or checkpoint."""

    holdfast_recalled: NotRequired[Annotated[dict[str, str], UntrackedValue, PrivateStateAttr]]


class MemoryMiddleware(AgentMiddleware[RecallState, Any]):
    """Shows an agent's model what is remembered about the user, and remembers every turn.

    The memory is searched once per run, for the user's last message; every model call of the run sees the result
    after the system prompt. When the agent has finished, the user's message and the agent's last answer are
    remembered together. A run that fails or is cancelled is not remembered.

    ```py
    create_agent(model, middleware=[MemoryMiddleware(memory=memory, user_id="ana")])
    ```

    One agent can have several, such as a personal and a team memory: each recalls and remembers in its own scope.

    Args:
        memory: The memory; it stays open.
        user_id: The user, or `FROM_CONFIG` to read it from each run. At least one id must be given.
        agent_id: The agent, or `FROM_CONFIG`.
        run_id: The session, or `FROM_CONFIG`.
        app_id: The application, or `FROM_CONFIG`.
        on_error: `"log"` lets the agent continue without memory when the memory fails, `"raise"` stops it.
        max_tokens: The size limit of the recalled block, in tokens.
        name: The name of the middleware, which differs from those of the agent's others. By default it has the names
            and values of the ids: give a name to two of the same scope, with memories in different files.

    Raises:
        InvalidInput: No id is given, `on_error` is neither of the two, or `name` is blank.
    """

    state_schema = RecallState

    def __init__(
        self,
        *,
        memory: Memory | AsyncMemory,
        user_id: Id = None,
        agent_id: Id = None,
        run_id: Id = None,
        app_id: Id = None,
        on_error: OnError = "log",
        max_tokens: int = 1_000,
        name: str | None = None,
    ) -> None:
        super().__init__()
        ids: dict[str, Id] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
        self._owner = Owner(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
        self._max_tokens = max_tokens
        self._name = _name_of(ids) if name is None else _check_name(name)

    @property
    def name(self) -> str:
        """The name of the middleware, by which the nodes of the agent's graph are called."""
        return self._name

    # Not `before_agent`: a run that is resumed after an interruption, perhaps in another process, starts here.
    def before_model(
        self, state: RecallState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> dict[str, Any] | None:
        """Recall on the first model call of a run."""
        if self._name in _recalled_blocks(state):
            return None
        scoped = memory_for_run(self._owner, config, runtime.context)
        question = get_last_question(state["messages"])
        return self._with_block(state, scoped.context(question, max_tokens=self._max_tokens))

    async def abefore_model(
        self, state: RecallState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> dict[str, Any] | None:
        """Do `before_model` without blocking the event loop."""
        if self._name in _recalled_blocks(state):
            return None
        scoped = memory_for_run(self._owner, config, runtime.context)
        question = get_last_question(state["messages"])
        return self._with_block(state, await scoped.acontext(question, max_tokens=self._max_tokens))

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model the recalled block, for this call only."""
        return handler(self._add_recalled_block(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Do `wrap_model_call` for an awaited call."""
        return await handler(self._add_recalled_block(request))

    def after_agent(self, state: RecallState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None) -> None:
        """Remember the user's message and the answer."""
        turn = get_last_turn(state["messages"])
        if turn:
            memory_for_run(self._owner, config, runtime.context).add(turn)

    async def aafter_agent(
        self, state: RecallState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> None:
        """Do `after_agent` without blocking the event loop."""
        turn = get_last_turn(state["messages"])
        if turn:
            await memory_for_run(self._owner, config, runtime.context).aadd(turn)

    def _with_block(self, state: RecallState, block: str) -> dict[str, Any]:
        return {_RECALLED: {**_recalled_blocks(state), self._name: block}}

    def _add_recalled_block(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        block = _recalled_blocks(request.state).get(self._name)
        if not block:
            return request
        return request.override(system_message=append_to_system_message(request.system_message, block))


def _recalled_blocks(state: object) -> Mapping[str, str]:
    return cast("Mapping[str, Mapping[str, str]]", state).get(_RECALLED) or {}


def _name_of(ids: Mapping[str, Id]) -> str:
    """Return a name that differs for each scope, without the characters that LangGraph reserves in names of nodes."""
    named = (f"{field}={quote(str(value), safe='')}" for field, value in ids.items() if value is not None)
    return f"MemoryMiddleware({', '.join(named)})"


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or any(reserved in name for reserved in "|:"):
        raise InvalidInput(f"name is {name!r}: give a text without | and :, which LangGraph reserves")
    return name
