"""`memory_tools`: the verbs of one scope as tools, for agents that decide themselves what to remember."""

# Without postponed annotations: LlamaIndex reads the types of the tools' parameters from the functions.

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from llama_index.core.tools import FunctionTool
from typing_extensions import ParamSpec

import holdfast
from holdfast import HoldfastError, InvalidInput, NotFound

P = ParamSpec("P")
OnError = Literal["raise", "log"]

Text = Annotated[str, "Whole sentences in the user's own words, such as: I live in Lisbon."]
Query = Annotated[str, "What to look for, as a question or in keywords."]
MemoryId = Annotated[str, "The memory's id, from search_memory or get_all_memory."]

_log = logging.getLogger("holdfast")


def memory_tools(
    memory: "holdfast.Memory | holdfast.AsyncMemory",
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    limit: int = 10,
    on_error: OnError = "log",
) -> list[FunctionTool]:
    """Return `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory` for one scope.

    The ids are fixed here; the model neither sees nor chooses them, and reaches memories of this scope alone.

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open and is not closed by the tools.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        limit: Most memories that a search or a listing shows the model, 1 to 1000.
        on_error: When the memory fails, `"log"` says so to the model and why to the log, `"raise"` lets the failure
            out. A mistake of the model, such as an id that does not exist, is always answered in words.

    Raises:
        InvalidInput: No scope is named, or an id cannot be one.
    """
    scoped = holdfast.ScopedMemory(
        memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error
    )
    # A failure must reach the tool, which tells the model of it.
    verbs = _Verbs(holdfast.ScopedMemory(memory, **scoped.scope.ids(), on_error="raise"), limit)
    pairs: list[tuple[Callable[..., str], Callable[..., Awaitable[str]]]] = [
        (verbs.add_memory, verbs.aadd_memory),
        (verbs.search_memory, verbs.asearch_memory),
        (verbs.get_all_memory, verbs.aget_all_memory),
        (verbs.update_memory, verbs.aupdate_memory),
        (verbs.delete_memory, verbs.adelete_memory),
    ]
    return [_tool(verb, awaited, scoped.on_error) for verb, awaited in pairs]


class _Verbs:
    """What the model can do; it reads the names, the docstrings and what each parameter is."""

    def __init__(self, scoped: "holdfast.ScopedMemory", limit: int) -> None:
        self._scoped = scoped
        self._limit = limit

    def add_memory(self, text: Text) -> str:
        """Remember something about the user for later conversations."""
        return _outcome(self._scoped.add(text))

    async def aadd_memory(self, text: str) -> str:
        return _outcome(await self._scoped.aadd(text))

    def search_memory(self, query: Query) -> str:
        """Find what is remembered about something, best first."""
        return _listing(self._scoped.search(query, limit=self._limit))

    async def asearch_memory(self, query: str) -> str:
        return _listing(await self._scoped.asearch(query, limit=self._limit))

    def get_all_memory(self) -> str:
        """List what is remembered, newest first."""
        return _listing(self._scoped.get_all(limit=self._limit))

    async def aget_all_memory(self) -> str:
        return _listing(await self._scoped.aget_all(limit=self._limit))

    def update_memory(self, memory_id: MemoryId, text: Text) -> str:
        """Correct one memory."""
        self._scoped.update(memory_id, text)
        return "The memory is corrected."

    async def aupdate_memory(self, memory_id: str, text: str) -> str:
        await self._scoped.aupdate(memory_id, text)
        return "The memory is corrected."

    def delete_memory(self, memory_id: MemoryId) -> str:
        """Delete one memory."""
        self._scoped.delete(memory_id)
        return "The memory is deleted."

    async def adelete_memory(self, memory_id: str) -> str:
        await self._scoped.adelete(memory_id)
        return "The memory is deleted."


def _tool(verb: Callable[P, str], awaited: Callable[P, Awaitable[str]], on_error: OnError) -> FunctionTool:
    """Return a tool that answers in words also where it fails."""

    @functools.wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return verb(*args, **kwargs)
        except HoldfastError as error:
            return _excuse(error, on_error)

    async def atold(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return await awaited(*args, **kwargs)
        except HoldfastError as error:
            return _excuse(error, on_error)

    return FunctionTool.from_defaults(told, async_fn=atold, description=verb.__doc__)


def _excuse(error: HoldfastError, on_error: OnError) -> str:
    if isinstance(error, (InvalidInput, NotFound)):
        return f"That did not work: {error}"
    if on_error == "raise":
        raise error
    _log.warning("the memory failed and its tool says so: %s", error)
    return "The memory cannot be reached right now: go on without it."


def _listing(items: Sequence[Mapping[str, Any]]) -> str:
    if not items:
        return "Nothing is remembered about that."
    shown = [{"id": item["id"], "memory": item["memory"], "date": item["created_at"][:10]} for item in items]
    return json.dumps(shown, ensure_ascii=False)


def _outcome(added: Mapping[str, Any]) -> str:
    if not added["results"]:
        reasons = ", ".join(sorted({item["reason"] for item in added["skipped"]}))
        return f"Nothing was added: {reasons or 'it holds nothing to remember'}."
    shown = [{"event": item["event"], "id": item["id"], "memory": item["memory"]} for item in added["results"]]
    return json.dumps(shown, ensure_ascii=False)
