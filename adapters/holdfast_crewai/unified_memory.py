"""`crew_memory` for CrewAI from 1.10 on: the memory of crews, agents and flows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from crewai.memory.types import MemoryMatch, MemoryRecord
from crewai.memory.unified_memory import Memory as CrewAIMemory
from pydantic import PrivateAttr, model_serializer
from typing_extensions import Self

from holdfast import AsyncMemory, HoldfastError, Memory
from holdfast_crewai.records import record_filter, to_metadata, to_path, to_record
from holdfast_crewai.scope_views import HoldfastScope, HoldfastSlice, serialize_as_itself
from holdfast_crewai.task_report import keep_filled_in
from holdfast_crewai.text_storage import RecallFilter, RecallResult, TextStorage, UnusedModel, embed_nothing

try:
    from crewai.hooks.dispatch import HookAborted
except ImportError:  # early releases catch every exception of a memory
    HookAborted = Exception  # type: ignore[assignment,misc]


class MemoryFailed(HoldfastError, HookAborted):
    """The memory failed and `on_error` is `"raise"`.

    It derives from `HookAborted` because CrewAI catches every other exception of a memory in a running crew.
    """


def crew_memory(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    on_error: Any = "log",
    max_tokens: int = 1_000,
    threshold: float | None = None,
    read_only: bool = False,
    clears_scope: bool = False,
) -> HoldfastMemory:
    """Return a memory for `Crew(memory=...)`, `Agent(memory=...)` and `Flow(memory=...)`.

    A task starts with the relevant memories in its prompt, and when it ends, the task and the answer are remembered.
    The crew's own model and embedder are not used. Facts about the user are remembered; with `agent_id` also facts
    from the agents' answers.

    >>> from holdfast import Memory
    >>> crew_memories = crew_memory(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> crew_memories.remember("I'm allergic to peanuts.").content
    "I'm allergic to peanuts."
    >>> [match.record.content for match in crew_memories.recall("Any allergies?")]
    ["I'm allergic to peanuts."]

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given. No model sees or chooses an id.
        agent_id: The agent or crew.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets a crew continue without memory, `"raise"` ends it with `MemoryFailed`.
        max_tokens: The size limit of the block a task is shown, in tokens, at least 1.
        threshold: The minimum score of a memory that is found, 0.0 to 1.0.
        read_only: Recall only, and remember nothing.
        clears_scope: Whether `forget` without `record_ids`, `reset` and `reset_all` also delete what the user said to
            other frameworks and to the program itself.

    Raises:
        InvalidInput: No id is given, or a value is out of range.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    storage = TextStorage(
        memory, **ids, on_error=on_error, clears_scope=clears_scope, max_tokens=max_tokens, threshold=threshold
    )
    return HoldfastMemory(storage, read_only=read_only)


class HoldfastMemory(CrewAIMemory):
    """CrewAI's `Memory` with Holdfast's extraction and retrieval; `crew_memory` makes one.

    Methods that are not overridden here (records, categories, paths) use the storage as they use any other one.
    Copies and deep copies, including those CrewAI makes of an agent, are the same object.
    """

    serialize = model_serializer(mode="wrap")(serialize_as_itself)

    _storage: TextStorage
    _failures: list[MemoryFailed]

    def __init__(self, storage: TextStorage, *, read_only: bool = False) -> None:
        super().__init__(
            llm=UnusedModel(),  # type: ignore[arg-type]
            storage=storage,
            embedder=embed_nothing,
            read_only=read_only,
        )
        self._failures = []

    def extract_memories(self, content: str) -> list[str]:
        """Return `content`, of a templated task only what was filled in: Holdfast extracts the facts later."""
        return [keep_filled_in(content)] if content.strip() else []

    def remember(
        self,
        content: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,  # noqa: FBT001, FBT002 - CrewAI's signature
        agent_role: str | None = None,  # noqa: ARG002
        root_scope: str | None = None,
    ) -> MemoryRecord | None:
        """Remember the facts in a statement, or the statement itself if it holds none.

        Returns:
            The first memory that was added, or a record of `content` if everything in it was known. `None` if this
            memory is read-only.
        """
        if self._is_read_only():
            return None
        fields = self._to_metadata(
            scope, metadata, root_scope, categories=categories, importance=importance, source=source, private=private
        )
        with _raise_memory_failed():
            return self._storage.scoped.run(self._storage.remember_as_record(content, fields))

    async def aremember(
        self,
        content: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,  # noqa: FBT001, FBT002
    ) -> MemoryRecord | None:
        """Do `remember` without blocking the event loop."""
        if self._is_read_only():
            return None
        fields = self._to_metadata(
            scope, metadata, categories=categories, importance=importance, source=source, private=private
        )
        with _raise_memory_failed():
            return await self._storage.scoped.arun(self._storage.remember_as_record(content, fields))

    def remember_many(
        self,
        contents: list[str],
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,  # noqa: FBT001, FBT002
        agent_role: str | None = None,  # noqa: ARG002
        root_scope: str | None = None,
    ) -> list[MemoryRecord]:
        """Remember statements and reports of tasks.

        In a running event loop this happens in the background, and the next recall waits for it.

        Returns:
            An empty list, like CrewAI's own memory.
        """
        if self._is_read_only():
            return []
        fields = self._to_metadata(
            scope, metadata, root_scope, categories=categories, importance=importance, source=source, private=private
        )
        if _is_in_event_loop():
            self._submit_save(self._remember_in_background, contents, fields)
        else:
            self._remember_all(contents, fields)
        return []

    async def aremember_many(
        self,
        contents: list[str],
        scope: str | None = None,
        categories: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        importance: float | None = None,
        source: str | None = None,
        private: bool = False,  # noqa: FBT001, FBT002
        agent_role: str | None = None,  # noqa: ARG002
    ) -> list[MemoryRecord]:
        """Remember statements and reports of tasks; return the first memory added for each."""
        if self._is_read_only():
            return []
        fields = self._to_metadata(
            scope, metadata, categories=categories, importance=importance, source=source, private=private
        )
        with _raise_memory_failed():
            flows = (self._storage.remember_as_record(content, fields) for content in contents)
            return [await self._storage.scoped.arun(flow) for flow in flows]

    def recall(
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Any = "deep",  # noqa: ARG002 - Holdfast has one depth
        source: str | None = None,
        include_private: bool = False,  # noqa: FBT001, FBT002
    ) -> list[MemoryMatch]:
        """Return the memories relevant to `query`, best first. In a prompt they format as one block."""
        return self.recall_within(
            [scope], query, categories=categories, limit=limit, source=source, include_private=include_private
        )

    def recall_within(
        self,
        paths: Sequence[str | None],
        query: str,
        *,
        categories: list[str] | None = None,
        limit: int = 10,
        source: str | None = None,
        include_private: bool = False,
    ) -> list[MemoryMatch]:
        """Do `recall` for several paths with one search and one block."""
        self.drain_writes()
        if not paths:
            return []
        with _raise_memory_failed():
            allowed = self._recall_filter(paths, categories, source, include_private)
            return self._to_matches(self._storage.scoped.run(self._storage.recall(query, limit, allowed)), paths)

    async def arecall(
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Any = "deep",  # noqa: ARG002
        source: str | None = None,
        include_private: bool = False,  # noqa: FBT001, FBT002
    ) -> list[MemoryMatch]:
        """Do `recall` without blocking the event loop."""
        await asyncio.to_thread(self.drain_writes)
        with _raise_memory_failed():
            allowed = self._recall_filter([scope], categories, source, include_private)
            return self._to_matches(
                await self._storage.scoped.arun(self._storage.recall(query, limit, allowed)), [scope]
            )

    def scope(self, path: str) -> HoldfastScope:
        """Return the view of a path and everything below it."""
        return HoldfastScope(memory=self, root_path=path)

    def slice(
        self,
        scopes: list[str],
        categories: list[str] | None = None,
        read_only: bool = True,  # noqa: FBT001, FBT002 - CrewAI's signature
    ) -> HoldfastSlice:
        """Return the view of several paths, limited to `categories` if given."""
        return HoldfastSlice(memory=self, scopes=scopes, categories=categories, read_only=read_only)

    def drain_writes(self) -> None:
        """Wait until everything that was submitted is remembered.

        Raises:
            MemoryFailed: Remembering failed in the background and `on_error` is `"raise"`.
        """
        super().drain_writes()
        if self._failures:
            raise self._failures.pop(0)

    def reset_all(self) -> None:
        """Delete all memories stored through CrewAI in this scope, below `root_scope` if it is set."""
        self.reset()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any = None) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _make_again, (self._storage, self._is_read_only())

    def _remember_all(self, contents: list[str], fields: Mapping[str, Any]) -> None:
        with _raise_memory_failed():
            for content in contents:
                self._storage.scoped.run(self._storage.remember(content, fields))

    def _remember_in_background(self, contents: list[str], fields: Mapping[str, Any]) -> None:
        try:
            self._remember_all(contents, fields)
        except MemoryFailed as error:
            self._failures.append(error)
            raise

    def _to_metadata(
        self, scope: str | None, metadata: Mapping[str, Any] | None, root: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        fields = {name: value for name, value in fields.items() if value is not False and value != []}
        return to_metadata(metadata, path=to_path(self._root() if root is None else root, scope), **fields)

    def _recall_filter(
        self,
        paths: Sequence[str | None],
        categories: list[str] | None,
        source: str | None,
        include_private: bool,  # noqa: FBT001
    ) -> RecallFilter:
        conditions = record_filter(*(to_path(self._root(), path) for path in paths), categories=categories)
        return RecallFilter(conditions, source, include_private)

    def _to_matches(self, result: RecallResult, paths: Sequence[str | None]) -> list[MemoryMatch]:
        if not result.block:
            return []
        block, below = Block(result.block), [to_path(self._root(), path) for path in paths]
        return [_to_match(to_record(item, below=below), item["score"], block) for item in result.items]

    def _root(self) -> str | None:
        return getattr(self, "root_scope", None)

    def _is_read_only(self) -> bool:
        return bool(getattr(self, "read_only", False) or getattr(self, "_read_only", False))


class BlockMatch(MemoryMatch):
    """One memory of a recall.

    CrewAI joins the `format()` of all matches into a prompt; with these the result is one fenced block.
    """

    _block: Block = PrivateAttr()

    def format(self) -> str:
        """Return the block for the first match that is formatted, `""` for the others."""
        return self._block.format_for(self.record.id)


class Block:
    """The block of one recall, which the match that is formatted first shows.

    That need not be the best match: CrewAI's search tool drops those that an earlier query of the same call found.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._record_id: str | None = None

    def format_for(self, record_id: str) -> str:
        """Return the text for the match of a record."""
        self._record_id = self._record_id or record_id
        return self._text if record_id == self._record_id else ""


def _to_match(record: MemoryRecord, score: float, block: Block) -> MemoryMatch:
    match = BlockMatch(record=record, score=score)
    match._block = block  # noqa: SLF001 - pydantic takes no private attributes as arguments
    return match


@contextmanager
def _raise_memory_failed() -> Iterator[None]:
    """Raise errors of Holdfast as `MemoryFailed`, the only form that CrewAI does not catch."""
    try:
        yield
    except HoldfastError as error:
        raise MemoryFailed(str(error)) from error


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _make_again(storage: TextStorage, read_only: bool) -> HoldfastMemory:  # noqa: FBT001
    return HoldfastMemory(storage, read_only=read_only)
