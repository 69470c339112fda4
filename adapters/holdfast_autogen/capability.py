"""`MemoryCapability`: long-term memory for `autogen.ConversableAgent`, in pyautogen 0.9 and ag2 0.9 to 0.14.

It wraps the agent's reply functions through `replace_reply_func`, as the framework's own agents do. This is the only
place where an awaited chat can await the memory (hooks are called blocking), and where only the model sees the recalled
block: the messages AutoGen stores, sends on or passes to a nested chat never contain it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal
from weakref import WeakKeyDictionary

from typing_extensions import Self

try:
    from autogen import ConversableAgent
    from autogen.agentchat.contrib.capabilities.agent_capability import AgentCapability
except ImportError as error:
    raise ImportError('MemoryCapability needs the package autogen: pip install "holdfast[autogen]"') from error

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast_autogen.chat_messages import (
    Message,
    Turn,
    find_last_question,
    get_answer_text,
    get_group,
    get_last_text,
    get_text,
    get_unsaved_questions,
)

Reply = Callable[..., Any]

# AutoGen calls this hook before every reply, so reply functions that are registered later are wrapped too.
_HOOK = "update_agent_state"
_MODEL_REPLIES = ("generate_oai_reply", "a_generate_oai_reply")
# Replies that a person typed or a tool returned, or that (`run_chat`) other agents give.
_UNWRAPPED_REPLIES = (
    "check_termination_and_human_reply",
    "generate_function_call_reply",
    "generate_tool_calls_reply",
    "generate_code_execution_reply",
    "_generate_code_execution_reply_using_executor",
    "run_chat",
)
# The capabilities whose agent is replying through a nested chat: it saves the turn, and the agents inside do not.
_answering: ContextVar[tuple[MemoryCapability, ...]] = ContextVar("answering", default=())


class MemoryCapability(AgentCapability):  # type: ignore[misc]
    """Gives a `ConversableAgent` long-term memory: it recalls before a model call, and remembers every turn.

    Add it to the assistant, not to the user's proxy. In a group chat, the users are the agent that opened the chat and
    its `UserProxyAgent`s. Agents that share one capability save a user's turn once, with the first answer.

    ```py
    MemoryCapability(memory, user_id="ana").add_to_agent(assistant)
    ```

    Args:
        memory: The memory; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        max_tokens: The size limit of the recalled block, in tokens (see `Memory.context`).
        on_error: `"log"` lets the chat continue when the memory fails, `"raise"` raises the failure.

    Raises:
        InvalidInput: No id is given, or an argument is unusable.
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
        self._reset()

    def add_to_agent(self, agent: ConversableAgent) -> None:
        """Give `agent` this memory; adding it twice changes nothing.

        Raises:
            InvalidInput: `agent` is no `ConversableAgent`.
        """
        if not isinstance(agent, ConversableAgent):
            raise InvalidInput(f"agent is {type(agent).__name__}: give a ConversableAgent")
        if not self._serves(agent):
            agent.register_hook(_HOOK, self._wrap_replies)
        self._wrap_replies(agent)

    def remove_from_agent(self, agent: ConversableAgent) -> None:
        """Restore `agent` as it was; memories stay. Removing it twice changes nothing."""
        if self._serves(agent):
            agent.hook_lists[_HOOK].remove(self._wrap_replies)
        for reply in _reply_functions(agent):
            if reply in self._originals:
                agent.replace_reply_func(reply, self._originals[reply])

    def _serves(self, agent: ConversableAgent) -> bool:
        return self._wrap_replies in agent.hook_lists[_HOOK]

    def _wrap_replies(self, agent: ConversableAgent, _messages: Sequence[Message] = ()) -> None:
        for reply in _reply_functions(agent):
            is_wrapped = any(layer in self._originals for layer in _layers(reply))
            if not is_wrapped and _name(reply).removeprefix("a_") not in _UNWRAPPED_REPLIES:
                agent.replace_reply_func(reply, self._wrap(reply))

    def _wrap(self, reply: Reply) -> Reply:
        wrapper = self._wrap_async(reply) if inspect.iscoroutinefunction(reply) else self._wrap_blocking(reply)
        self._originals[wrapper] = reply
        return wrapper

    def _wrap_blocking(self, reply: Reply) -> Reply:
        @functools.wraps(reply)
        def wrapper(agent: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            history = agent.chat_messages.get(sender, []) if messages is None else messages
            if not self._serves(agent):  # removed while another capability wraps this one
                return reply(agent, messages=history, sender=sender, config=config)
            turn = self._get_turn(agent, history, sender)
            if turn.block is None and _calls_model(reply):
                turn.block = self._memory.context(_query(turn, history), max_tokens=self._max_tokens)
            with self._prepare_messages(reply, turn, history) as shown:
                outcome = reply(agent, messages=shown, sender=sender, config=config)
            if exchange := self._get_unsaved_exchange(turn, history, sender, outcome):
                self._memory.add(exchange)
            return outcome

        return wrapper

    def _wrap_async(self, reply: Reply) -> Reply:
        @functools.wraps(reply)
        async def wrapper(agent: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            history = agent.chat_messages.get(sender, []) if messages is None else messages
            if not self._serves(agent):
                return await reply(agent, messages=history, sender=sender, config=config)
            turn = self._get_turn(agent, history, sender)
            if turn.block is None and _calls_model(reply):
                turn.block = await self._memory.acontext(_query(turn, history), max_tokens=self._max_tokens)
            with self._prepare_messages(reply, turn, history) as shown:
                outcome = await reply(agent, messages=shown, sender=sender, config=config)
            if exchange := self._get_unsaved_exchange(turn, history, sender, outcome):
                await self._memory.aadd(exchange)
            return outcome

        return wrapper

    def _get_turn(self, agent: ConversableAgent, history: Sequence[Message], sender: Any) -> Turn:
        """Return the turn this reply belongs to, shared by all model calls of the turn and all members of a group."""
        turn = Turn(find_last_question(agent, history, sender))
        if sender is None:
            return turn
        turns = self._turns.setdefault(agent if get_group(sender) is None else sender, WeakKeyDictionary())
        current = turns.get(sender)
        if current is not None and turn.asked is not None and turn.asked is current.asked:
            return current
        turns[sender] = turn if current is None else turn.follow(current)
        return turns[sender]

    def _get_unsaved_exchange(
        self, turn: Turn, history: Sequence[Message], sender: Any, outcome: Any
    ) -> list[dict[str, str]]:
        """Return the turn this reply completes as messages to save, `[]` if it continues or is saved already."""
        final, reply = outcome
        answer = get_answer_text(reply) if final else ""
        if not answer.strip() or turn.saved or self in _answering.get():
            return []
        questions = get_unsaved_questions(history, sender, turn.since)
        if not questions:
            return []
        turn.saved = True
        return [*questions, {"role": "assistant", "content": answer}]

    @contextmanager
    def _prepare_messages(self, reply: Reply, turn: Turn, history: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """Yield the messages for `reply`, with the recalled block first if it calls a model.

        The block goes into a new list, because AutoGen passes the list it stores. It comes first, because some
        providers accept system messages only there.
        """
        if _calls_model(reply):
            yield [{"role": "system", "content": turn.block}, *history] if turn.block else history
            return
        token = _answering.set((*_answering.get(), self))
        try:
            yield history
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
        self._reset()

    def _reset(self) -> None:
        self._originals: WeakKeyDictionary[Reply, Reply] = WeakKeyDictionary()
        self._turns: WeakKeyDictionary[Any, WeakKeyDictionary[Any, Turn]] = WeakKeyDictionary()


def _query(turn: Turn, history: Sequence[Message]) -> str:
    return get_last_text(history) if turn.asked is None else get_text(turn.asked)


def _calls_model(reply: Reply) -> bool:
    """Return whether a reply function calls a model: the framework's two do, and a program's own are treated so too."""
    is_custom = reply.__module__.partition(".")[0] != "autogen"
    return is_custom or _name(reply).removeprefix("_") in _MODEL_REPLIES


def _reply_functions(agent: ConversableAgent) -> list[Reply]:
    return [entry["reply_func"] for entry in agent._reply_func_list]  # noqa: SLF001 - there is no public list


def _layers(reply: Reply | None) -> Iterator[Reply]:
    """Yield a function and the functions it wraps, including the wrappers of other capabilities."""
    while reply is not None:
        yield reply
        reply = getattr(reply, "__wrapped__", None)


def _name(reply: Reply) -> str:
    return getattr(reply, "__name__", type(reply).__name__)
