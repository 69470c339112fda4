"""`MemoryMiddleware`: a memory for the agents of `create_agent`."""

# ruff: noqa: UP045 - LangGraph knows what to pass as `config` by exactly this spelling of its type

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Optional, cast

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from typing_extensions import NotRequired

from holdfast import AsyncMemory, Id, Memory, OnError, Owner
from holdfast_langchain.identity import scoped_of
from holdfast_langchain.turns import last_turn, text_of

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

_RECALLED = "holdfast_recalled"


class RecallingState(AgentState[Any]):
    """An agent's state while it runs; what was recalled is neither its input nor its output, nor in a checkpoint."""

    holdfast_recalled: NotRequired[Annotated[str, UntrackedValue, PrivateStateAttr]]


class MemoryMiddleware(AgentMiddleware[RecallingState, Any]):
    """Gives an agent what is known about its user, and remembers every turn.

    Once per run the memory is asked about what the user said last; the model is shown the answer behind the system
    prompt, however often it is called. When the agent is done, what the user said and its last answer are remembered
    together; a run that fails or is cancelled leaves nothing.

    Args:
        memory: Where it is kept; it stays open.
        user_id: Whose memory, or `FROM_CONFIG`: that of whoever the run is for. At least one id must be given.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        on_error: `"log"` lets the agent go on without its memory when that fails, `"raise"` stops it.
        max_tokens: Room for what is recalled.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """

    state_schema = RecallingState

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
    ) -> None:
        super().__init__()
        ids: dict[str, Id] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
        self._owner = Owner(memory, ids, on_error=on_error)
        self._max_tokens = max_tokens

    # Not `before_agent`: a run that goes on after an interruption, perhaps in another process, starts here.
    def before_model(
        self, state: RecallingState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> dict[str, Any] | None:
        """Recall, the first time in a run."""
        if _RECALLED in state:
            return None
        question = _question(state["messages"])
        return {
            _RECALLED: scoped_of(self._owner, config, runtime.context).context(question, max_tokens=self._max_tokens)
        }

    async def abefore_model(
        self, state: RecallingState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> dict[str, Any] | None:
        """Await `before_model`."""
        if _RECALLED in state:
            return None
        question = _question(state["messages"])
        return {
            _RECALLED: await scoped_of(self._owner, config, runtime.context).acontext(
                question, max_tokens=self._max_tokens
            )
        }

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model what was recalled, for this call only."""
        return handler(_informed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Await `wrap_model_call`."""
        return await handler(_informed(request))

    def after_agent(
        self, state: RecallingState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> None:
        """Remember the turn."""
        turn = last_turn(state["messages"])
        if turn:
            scoped_of(self._owner, config, runtime.context).add(turn)

    async def aafter_agent(
        self, state: RecallingState, runtime: Runtime[Any], config: Optional[RunnableConfig] = None
    ) -> None:
        """Await `after_agent`."""
        turn = last_turn(state["messages"])
        if turn:
            await scoped_of(self._owner, config, runtime.context).aadd(turn)


def _question(messages: Sequence[AnyMessage]) -> str:
    return next((text_of(message) for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def _informed(request: ModelRequest[Any]) -> ModelRequest[Any]:
    block = cast("Mapping[str, str]", request.state).get(_RECALLED)
    if not block:
        return request
    told = request.system_message
    content: list[Any] = [] if told is None else [told.content] if isinstance(told.content, str) else [*told.content]
    if all(isinstance(part, str) for part in content):
        return request.override(system_message=SystemMessage("\n\n".join([*content, block])))
    return request.override(system_message=SystemMessage([*content, {"type": "text", "text": block}]))
