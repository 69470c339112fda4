"""`memory_tools`: the verbs of a memory as tools for agents that LangGraph runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, ToolException
from langgraph.prebuilt import ToolRuntime
from pydantic import BaseModel, Field

from holdfast import AsyncMemory, HoldfastError, Id, InvalidInput, Memory, NotFound, OnError, Owner, ScopedMemory
from holdfast_langgraph.identity import scoped_of

_log = logging.getLogger("holdfast")

Answer = tuple[str, list[Any]]
"""What the model reads, and the items for the program."""

Limit = Annotated[int, Field(ge=1, le=100, description="Most memories to return.")]
_FOUND = 5
_LISTED = 20

MemoryId = Annotated[str, Field(description="The id of a memory, as search_memory shows it.")]


class Call(BaseModel):
    """What every tool takes beside its own arguments, filled in by the graph and hidden from the model."""

    runtime: Annotated[Any, InjectedToolArg] = None


class Adding(Call):
    """Arguments of `add_memory`."""

    text: str = Field(description="What to remember, as a full sentence that makes sense on its own.")


class Searching(Call):
    """Arguments of `search_memory`."""

    query: str = Field(description="What to look for, in plain words.")
    limit: Limit = _FOUND


class Listing(Call):
    """Arguments of `get_all_memory`."""

    limit: Limit = _LISTED


class Updating(Call):
    """Arguments of `update_memory`."""

    memory_id: MemoryId
    text: str = Field(description="What the memory says from now on.")


class Deleting(Call):
    """Arguments of `delete_memory`."""

    memory_id: MemoryId


class Verb(NamedTuple):
    """One tool: its name, what it says of itself, its arguments and what it does."""

    name: str
    description: str
    arguments: type[Call]
    act: Callable[..., Answer]
    aact: Callable[..., Awaitable[Answer]]


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return tools with which an agent adds, searches, lists, updates and deletes memories of one scope.

    `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory`, for a `ToolNode` or an agent
    built on one. They tell the model in words, and the program in the `artifact` of the `ToolMessage`. Whose memory it
    is stands in no argument the model could choose; what cannot be done is told to the model.

    Args:
        memory: The memory; it stays open.
        user_id: Whose memory, or `FROM_CONFIG`: that of whoever the run is for. At least one id must be given.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        on_error: `"log"` tells the model that the memory failed, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """
    ids: dict[str, Id] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    Owner(memory, ids, on_error=on_error)  # refuses what cannot be used
    # A model must hear that something failed: nothing is swallowed on the way to it.
    owner = Owner(memory, ids, on_error="raise")
    return [_tool(verb, owner, on_error=on_error) for verb in _VERBS]


def _tool(verb: Verb, owner: Owner, *, on_error: OnError) -> BaseTool:
    def run(config: RunnableConfig, runtime: Any = None, **given: Any) -> Answer:
        scoped = scoped_of(owner, config, _context_of(runtime))
        with _telling(on_error):
            return verb.act(scoped, **given)

    async def arun(config: RunnableConfig, runtime: Any = None, **given: Any) -> Answer:
        scoped = scoped_of(owner, config, _context_of(runtime))
        with _telling(on_error):
            return await verb.aact(scoped, **given)

    # LangChain finds the parameter it fills in by its type, which must not be a text here.
    run.__annotations__ = arun.__annotations__ = {"config": RunnableConfig}
    return StructuredTool.from_function(
        run,
        arun,
        verb.name,
        verb.description,
        args_schema=verb.arguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=True,
    )


def _context_of(runtime: Any) -> object:
    # Whoever calls a tool by hand may pass what a model wrote: only the graph's own runtime counts.
    return runtime.context if isinstance(runtime, ToolRuntime) else None


@contextmanager
def _telling(on_error: OnError) -> Iterator[None]:
    """Turn failures into words for the model, unless they are to be raised."""
    try:
        yield
    except (InvalidInput, NotFound) as error:
        raise ToolException(str(error)) from error
    except HoldfastError as error:
        if on_error == "raise":
            raise
        _log.warning("the memory failed and the conversation goes on without it: %s", error)
        raise ToolException(f"the memory failed: {error}") from error


def _add(scoped: ScopedMemory, text: str) -> Answer:
    return _added(scoped.add(text))


async def _aadd(scoped: ScopedMemory, text: str) -> Answer:
    return _added(await scoped.aadd(text))


def _search(scoped: ScopedMemory, query: str, limit: int = _FOUND) -> Answer:
    return _listed(scoped.search(query, limit=limit))


async def _asearch(scoped: ScopedMemory, query: str, limit: int = _FOUND) -> Answer:
    return _listed(await scoped.asearch(query, limit=limit))


def _get_all(scoped: ScopedMemory, limit: int = _LISTED) -> Answer:
    return _listed(scoped.get_all(limit=limit))


async def _aget_all(scoped: ScopedMemory, limit: int = _LISTED) -> Answer:
    return _listed(await scoped.aget_all(limit=limit))


def _update(scoped: ScopedMemory, memory_id: str, text: str) -> Answer:
    scoped.update(memory_id, text)
    return f"Updated [{memory_id}].", []


async def _aupdate(scoped: ScopedMemory, memory_id: str, text: str) -> Answer:
    await scoped.aupdate(memory_id, text)
    return f"Updated [{memory_id}].", []


def _delete(scoped: ScopedMemory, memory_id: str) -> Answer:
    scoped.delete(memory_id)
    return f"Deleted [{memory_id}].", []


async def _adelete(scoped: ScopedMemory, memory_id: str) -> Answer:
    await scoped.adelete(memory_id)
    return f"Deleted [{memory_id}].", []


_VERBS = (
    Verb("add_memory", "Remember something about the user for later conversations.", Adding, _add, _aadd),
    Verb("search_memory", "Find what is remembered that bears on a question.", Searching, _search, _asearch),
    Verb("get_all_memory", "List what is remembered, newest first.", Listing, _get_all, _aget_all),
    Verb("update_memory", "Correct one memory.", Updating, _update, _aupdate),
    Verb("delete_memory", "Delete one memory.", Deleting, _delete, _adelete),
)


def _added(result: Mapping[str, Any]) -> Answer:
    done = [f"{item['event']} [{item['id']}] {item['memory']}" for item in result["results"]]
    passed = [f"not stored ({item['reason']}): {item['text']}" for item in result["skipped"]]
    return "\n".join([*done, *passed]) or "There was nothing to remember in it.", list(result["results"])


def _listed(items: Sequence[Mapping[str, Any]]) -> Answer:
    lines = [f"[{item['id']}] {item['memory']} ({item['created_at'][:10]})" for item in items]
    return "\n".join(lines) or "Nothing is remembered about this.", list(items)
