"""Memory for `autogen.ConversableAgent`, in pyautogen 0.9 and ag2 0.9 to 0.14.

The agent's reply functions are surrounded, through `replace_reply_func` as the framework's own agents do it. That is
the one place where a chat that awaits can await the memory (hooks are called blocking), and where what is recalled
reaches the model alone: the messages AutoGen keeps, sends on, or hands to a nested chat never hold it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal
from weakref import WeakKeyDictionary

from autogen import ConversableAgent
from autogen.agentchat.contrib.capabilities.agent_capability import AgentCapability
from typing_extensions import Self

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_autogen.exchanges import (
    Message,
    Turn,
    answer_text,
    asked_last,
    group_of,
    last_text,
    text_of,
    unsaved_words,
)

Reply = Callable[..., Any]

# Called before every reply with the agent, so reply functions registered later are surrounded too.
_HOOK = "update_agent_state"
_ASK_A_MODEL = ("generate_oai_reply", "a_generate_oai_reply")
# These answer with what a person typed or a tool returned, or (`run_chat`) let others answer.
_LEFT_ALONE = (
    "check_termination_and_human_reply",
    "generate_function_call_reply",
    "generate_tool_calls_reply",
    "generate_code_execution_reply",
    "_generate_code_execution_reply_using_executor",
    "run_chat",
)
# The capabilities whose agent is answering through a nested chat: it saves the turn, the agents it asks do not.
_answering: ContextVar[tuple[MemoryCapability, ...]] = ContextVar("answering", default=())


class MemoryCapability(AgentCapability):  # type: ignore[misc]
    """Gives a `ConversableAgent` a long-term memory: it recalls before it asks its model and saves what was said.

    Add it to the assistant, not to the user's proxy. In a group chat the users are whoever opened it and its
    `UserProxyAgent`s; agents that share one capability save a user's turn once, with the first answer.

    Args:
        memory: Where it is kept; it stays open.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        max_tokens: Room for what is recalled (see `Memory.context`).
        on_error: `"log"` lets the chat go on when the memory fails, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or an argument cannot be used.
    """

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
        super().__init__()
        self._memory = ScopedMemory(
            memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
        )
        self._max_tokens = max_tokens
        self._begin()

    def add_to_agent(self, agent: ConversableAgent) -> None:
        """Let `agent` remember from now on; adding it twice changes nothing.

        Raises:
            InvalidInput: `agent` is no `ConversableAgent`.
        """
        if not isinstance(agent, ConversableAgent):
            raise InvalidInput(f"agent is {type(agent).__name__}: give a ConversableAgent")
        if not self._serves(agent):
            agent.register_hook(_HOOK, self._surround)
        self._surround(agent)

    def remove_from_agent(self, agent: ConversableAgent) -> None:
        """Let `agent` be as it was; what was saved stays. Removing it twice changes nothing."""
        if self._serves(agent):
            agent.hook_lists[_HOOK].remove(self._surround)
        for reply in _reply_functions(agent):
            if reply in self._originals:
                agent.replace_reply_func(reply, self._originals[reply])

    def _serves(self, agent: ConversableAgent) -> bool:
        return self._surround in agent.hook_lists[_HOOK]

    def _surround(self, agent: ConversableAgent, _messages: Sequence[Message] = ()) -> None:
        for reply in _reply_functions(agent):
            surrounded = any(layer in self._originals for layer in _layers(reply))
            if not surrounded and _name(reply).removeprefix("a_") not in _LEFT_ALONE:
                agent.replace_reply_func(reply, self._remembering(reply))

    def _remembering(self, reply: Reply) -> Reply:
        remembering = self._awaited(reply) if inspect.iscoroutinefunction(reply) else self._called(reply)
        self._originals[remembering] = reply
        return remembering

    def _called(self, reply: Reply) -> Reply:
        @functools.wraps(reply)
        def remembering(agent: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            heard = agent.chat_messages.get(sender, []) if messages is None else messages
            if not self._serves(agent):  # removed from below another capability
                return reply(agent, messages=heard, sender=sender, config=config)
            turn = self._turn(agent, heard, sender)
            if turn.block is None and _asks_a_model(reply):
                turn.block = self._memory.context(_query(turn, heard), max_tokens=self._max_tokens)
            with self._showing(reply, turn, heard) as shown:
                outcome = reply(agent, messages=shown, sender=sender, config=config)
            if exchange := self._exchange(turn, heard, sender, outcome):
                self._memory.add(exchange)
            return outcome

        return remembering

    def _awaited(self, reply: Reply) -> Reply:
        @functools.wraps(reply)
        async def remembering(agent: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            heard = agent.chat_messages.get(sender, []) if messages is None else messages
            if not self._serves(agent):
                return await reply(agent, messages=heard, sender=sender, config=config)
            turn = self._turn(agent, heard, sender)
            if turn.block is None and _asks_a_model(reply):
                turn.block = await self._memory.acontext(_query(turn, heard), max_tokens=self._max_tokens)
            with self._showing(reply, turn, heard) as shown:
                outcome = await reply(agent, messages=shown, sender=sender, config=config)
            if exchange := self._exchange(turn, heard, sender, outcome):
                await self._memory.aadd(exchange)
            return outcome

        return remembering

    def _turn(self, agent: ConversableAgent, heard: Sequence[Message], sender: Any) -> Turn:
        """Return the turn this reply belongs to: one for all its calls of the model and all members of a group."""
        turn = Turn(asked_last(agent, heard, sender))
        if sender is None:
            return turn
        turns = self._turns.setdefault(agent if group_of(sender) is None else sender, WeakKeyDictionary())
        known = turns.get(sender)
        if known is not None and turn.asked is not None and turn.asked is known.asked:
            return known
        turns[sender] = turn if known is None else turn.follows(known)
        return turns[sender]

    def _exchange(self, turn: Turn, heard: Sequence[Message], sender: Any, outcome: Any) -> list[dict[str, str]]:
        """Return what this reply completes as messages to save, none when the turn goes on or is saved already."""
        final, reply = outcome
        answer = answer_text(reply) if final else ""
        if not answer.strip() or turn.saved or self in _answering.get():
            return []
        words = unsaved_words(heard, sender, turn.since)
        if not words:
            return []
        turn.saved = True
        said = [{"role": "user", "content": text} for text in words]
        return [*said, {"role": "assistant", "content": answer}]

    @contextmanager
    def _showing(self, reply: Reply, turn: Turn, heard: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """Give the messages for `reply`, in a list of their own when it asks a model: AutoGen passes the one it keeps.

        What is recalled comes first, since some providers take system messages only there.
        """
        if _asks_a_model(reply):
            yield [{"role": "system", "content": turn.block}, *heard] if turn.block else heard
            return
        token = _answering.set((*_answering.get(), self))
        try:
            yield heard
        finally:
            _answering.reset(token)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"_memory": self._memory, "_max_tokens": self._max_tokens}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def _begin(self) -> None:
        self._originals: WeakKeyDictionary[Reply, Reply] = WeakKeyDictionary()
        self._turns: WeakKeyDictionary[Any, WeakKeyDictionary[Any, Turn]] = WeakKeyDictionary()


def _query(turn: Turn, heard: Sequence[Message]) -> str:
    return last_text(heard) if turn.asked is None else text_of(turn.asked)


def _asks_a_model(reply: Reply) -> bool:
    """Tell the functions that show messages to a model: the framework's, and whatever a program registered."""
    is_the_programs = reply.__module__.partition(".")[0] != "autogen"
    return is_the_programs or _name(reply).removeprefix("_") in _ASK_A_MODEL


def _reply_functions(agent: ConversableAgent) -> list[Reply]:
    return [entry["reply_func"] for entry in agent._reply_func_list]  # noqa: SLF001 - there is no public way to list them


def _layers(reply: Reply | None) -> Iterator[Reply]:
    """Yield a function and what it surrounds, other capabilities' layers among it."""
    while reply is not None:
        yield reply
        reply = getattr(reply, "__wrapped__", None)


def _name(reply: Reply) -> str:
    return getattr(reply, "__name__", type(reply).__name__)
