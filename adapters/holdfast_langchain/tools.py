"""`memory_tools`: the verbs of a memory as tools for a model."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from holdfast import AsyncMemory, HoldfastError, Id, InvalidInput, Memory, NotFound, OnError, Owner, ScopedMemory
from holdfast_langchain.identity import scoped_of

_log = logging.getLogger("holdfast")

_FOUND = 5
_LISTED = 20

Answer = tuple[str, list[Any]]
"""What the model reads, and the items for the program."""

Limit = Annotated[int, Field(ge=1, le=100, description="Most memories to return.")]
MemoryId = Annotated[str, Field(description="The id of a memory, as search_memory shows it.")]


class Adding(BaseModel):
    """Arguments of `add_memory`."""

    text: str = Field(description="What to remember, as a full sentence that makes sense on its own.")


class Searching(BaseModel):
    """Arguments of `search_memory`."""

    query: str = Field(description="What to look for, in plain words.")
    limit: Limit = _FOUND


class Listing(BaseModel):
    """Arguments of `get_all_memory`."""

    limit: Limit = _LISTED


class Updating(BaseModel):
    """Arguments of `update_memory`."""

    memory_id: MemoryId
    text: str = Field(description="What the memory says from now on.")


class Deleting(BaseModel):
    """Arguments of `delete_memory`."""

    memory_id: MemoryId


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return tools with which a model adds, searches, lists, updates and deletes memories of one scope.

    `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory` tell the model in words and
    the program in the `artifact` of the `ToolMessage`: the memories, or the events of what was added. Whose memory it
    is stands in no argument the model could choose. Arguments that cannot be used, and ids that are not of this
    scope, are told to the model.

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
    told = _Told(owner, on_error=on_error)
    return [told.tool(*each) for each in _TOOLS]


class _Told:
    """Makes tools of functions of a `ScopedMemory` that tell failures to the model, unless they are to be raised."""

    def __init__(self, owner: Owner, *, on_error: OnError) -> None:
        self._owner = owner
        self._on_error = on_error

    def tool(
        self,
        name: str,
        description: str,
        arguments: type[BaseModel],
        verb: Callable[..., Answer],
        averb: Callable[..., Awaitable[Answer]],
    ) -> BaseTool:
        def run(config: RunnableConfig, **given: Any) -> Answer:
            scoped = scoped_of(self._owner, config)
            with self._telling():
                return verb(scoped, **given)

        async def arun(config: RunnableConfig, **given: Any) -> Answer:
            scoped = scoped_of(self._owner, config)
            with self._telling():
                return await averb(scoped, **given)

        return StructuredTool.from_function(
            run,
            arun,
            name,
            description,
            args_schema=arguments,
            response_format="content_and_artifact",
            handle_tool_error=True,
            handle_validation_error=_unusable,
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (InvalidInput, NotFound) as error:
            raise ToolException(str(error)) from error
        except HoldfastError as error:
            if self._on_error == "raise":
                raise
            _log.warning("the memory failed and the conversation goes on without it: %s", error)
            raise ToolException(f"the memory failed: {error}") from error


def _add(scoped: ScopedMemory, text: str) -> Answer:
    return _added(scoped.add(text))


async def _aadd(scoped: ScopedMemory, text: str) -> Answer:
    return _added(await scoped.aadd(text))


# The defaults stand here too: langchain-core 0.3 hands on only what the model said.
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
    return _changed(scoped.get(memory_id), "Updated.")


async def _aupdate(scoped: ScopedMemory, memory_id: str, text: str) -> Answer:
    await scoped.aupdate(memory_id, text)
    return _changed(await scoped.aget(memory_id), "Updated.")


def _delete(scoped: ScopedMemory, memory_id: str) -> Answer:
    gone = scoped.get(memory_id)
    scoped.delete(memory_id)
    return _changed(gone, "Deleted.")


async def _adelete(scoped: ScopedMemory, memory_id: str) -> Answer:
    gone = await scoped.aget(memory_id)
    await scoped.adelete(memory_id)
    return _changed(gone, "Deleted.")


_TOOLS: tuple[tuple[str, str, type[BaseModel], Callable[..., Answer], Callable[..., Awaitable[Answer]]], ...] = (
    ("add_memory", "Remember something about the user for later conversations.", Adding, _add, _aadd),
    ("search_memory", "Find what is remembered about the user that bears on a question.", Searching, _search, _asearch),
    ("get_all_memory", "List what is remembered about the user, newest first.", Listing, _get_all, _aget_all),
    ("update_memory", "Correct one memory.", Updating, _update, _aupdate),
    ("delete_memory", "Delete one memory.", Deleting, _delete, _adelete),
)


def _unusable(error: Any) -> str:
    """Return what is wrong with the arguments, for the model to try again."""
    wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return "These arguments cannot be used: " + "; ".join(wrong)


def _added(result: Mapping[str, Any]) -> Answer:
    done = [f"{item['event']} [{item['id']}] {item['memory']}" for item in result["results"]]
    passed = [f"not stored ({item['reason']}): {item['text']}" for item in result["skipped"]]
    return "\n".join([*done, *passed]) or "There was nothing to remember in it.", list(result["results"])


def _listed(items: Sequence[Mapping[str, Any]]) -> Answer:
    lines = [f"[{item['id']}] {item['memory']} ({item['created_at'][:10]})" for item in items]
    return "\n".join(lines) or "Nothing is remembered about this.", list(items)


def _changed(item: Mapping[str, Any] | None, done: str) -> Answer:
    return done, [] if item is None else [item]
