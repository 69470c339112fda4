"""`crew_memory`: the memory that crews, agents and flows take, from CrewAI 1.10 on."""

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
from holdfast_crewai.records import conditions, labelled, path_of, record_of
from holdfast_crewai.shelf import Found, NoModel, Shelf, Where, no_vectors
from holdfast_crewai.views import HoldfastScope, HoldfastSlice, itself

try:
    from crewai.hooks.dispatch import HookAborted
except ImportError:  # early releases let nothing that a memory raises out of a crew
    HookAborted = Exception  # type: ignore[assignment,misc]


class MemoryFailed(HoldfastError, HookAborted):
    """The memory failed and `on_error` is `"raise"`. CrewAI lets no other error of a memory out of a running crew."""


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
) -> HoldfastMemory:
    """Return a memory for `Crew(memory=...)`, `Agent(memory=...)` and `Flow(memory=...)`.

    Tasks are answered with what is known, and what was asked and answered is remembered when a task ends; the crew's
    model and embedder have no part in either. A user's facts are kept; with `agent_id` also what the agents say.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose memory; at least one of the four ids must be given, and no model ever sees or chooses one.
        agent_id: The agent or crew.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets a crew go on without memory, `"raise"` ends it with `MemoryFailed`.
        max_tokens: Room for what a task is shown, at least 1.
        threshold: Least score of a memory that is found, 0.0 to 1.0.
        read_only: Find, but remember nothing.

    Raises:
        InvalidInput: No scope is named, or a value is out of range.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    shelf = Shelf(memory, **ids, on_error=on_error, max_tokens=max_tokens, threshold=threshold)
    return HoldfastMemory(shelf, read_only=read_only)


class HoldfastMemory(CrewAIMemory):
    """CrewAI's `Memory` over Holdfast; `crew_memory` makes one.

    What is not overridden here (records, categories, paths) works on the shelf as on any storage. Copies, deep copies
    too and those that CrewAI makes of an agent, are the same object.
    """

    dumped = model_serializer(mode="wrap")(itself)

    _storage: Shelf
    _failures: list[MemoryFailed]

    def __init__(self, shelf: Shelf, *, read_only: bool = False) -> None:
        super().__init__(
            llm=NoModel(),  # type: ignore[arg-type]
            storage=shelf,
            embedder=no_vectors,
            read_only=read_only,
        )
        self._failures = []

    def extract_memories(self, content: str) -> list[str]:
        """Return `content` as it is: it is extracted from when it is remembered, in the light of what is known."""
        return [content] if content.strip() else []

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
        """Remember a statement: what is extracted from it, or all of it.

        Returns:
            The first memory it became; when all of it was known, a record of what was said. `None` if read-only.
        """
        if self._keeps_nothing():
            return None
        about = self._about(
            scope, metadata, root_scope, categories=categories, importance=importance, source=source, private=private
        )
        with _failing_aloud():
            return self._storage.kept(content, about)

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
        """Await `remember`."""
        if self._keeps_nothing():
            return None
        about = self._about(
            scope, metadata, categories=categories, importance=importance, source=source, private=private
        )
        with _failing_aloud():
            return await self._storage.akept(content, about)

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
        """Remember reports of tasks and statements.

        While an event loop runs it is done in the background, and whatever is asked next waits for it.

        Returns:
            Nothing, as with CrewAI's own.
        """
        if self._keeps_nothing():
            return []
        about = self._about(
            scope, metadata, root_scope, categories=categories, importance=importance, source=source, private=private
        )
        if _is_in_a_loop():
            self._submit_save(self._keep_in_background, contents, about)
        else:
            self._keep_all(contents, about)
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
        """Remember reports of tasks and statements, and return the first memory each became."""
        if self._keeps_nothing():
            return []
        about = self._about(
            scope, metadata, categories=categories, importance=importance, source=source, private=private
        )
        with _failing_aloud():
            return [await self._storage.akept(content, about) for content in contents]

    def recall(
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Any = "deep",  # noqa: ARG002 - there is one depth
        source: str | None = None,
        include_private: bool = False,  # noqa: FBT001, FBT002
    ) -> list[MemoryMatch]:
        """Return the memories that bear on `query`, best first; in a prompt they show themselves as one block."""
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
        """Return what `recall` does for several paths at once: one search, and one block."""
        self.drain_writes()
        if not paths:
            return []
        with _failing_aloud():
            where = self._where(paths, categories, source, include_private)
            return _matches(self._storage.find(query, limit, where))

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
        """Await `recall`."""
        await asyncio.to_thread(self.drain_writes)
        with _failing_aloud():
            where = self._where([scope], categories, source, include_private)
            return _matches(await self._storage.afind(query, limit, where))

    def scope(self, path: str) -> HoldfastScope:
        """Return the view of a path and what is below it."""
        return HoldfastScope(memory=self, root_path=path)

    def slice(
        self,
        scopes: list[str],
        categories: list[str] | None = None,
        read_only: bool = True,  # noqa: FBT001, FBT002 - CrewAI's signature
    ) -> HoldfastSlice:
        """Return the view of several paths, and of some categories alone where those are given."""
        return HoldfastSlice(memory=self, scopes=scopes, categories=categories, read_only=read_only)

    def drain_writes(self) -> None:
        """Wait until everything is remembered.

        Raises:
            MemoryFailed: Something could not be remembered and `on_error` is `"raise"`.
        """
        super().drain_writes()
        if self._failures:
            raise self._failures.pop(0)

    def reset_all(self) -> None:
        """Forget everything of the ids, below `root_scope` if there is one, and nothing of anyone else's."""
        self.reset()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any = None) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self._storage, self._keeps_nothing())

    def _keep_all(self, contents: list[str], about: Mapping[str, Any]) -> None:
        with _failing_aloud():
            for content in contents:
                self._storage.keep(content, about)

    def _keep_in_background(self, contents: list[str], about: Mapping[str, Any]) -> None:
        try:
            self._keep_all(contents, about)
        except MemoryFailed as error:
            self._failures.append(error)
            raise

    def _about(
        self, scope: str | None, metadata: Mapping[str, Any] | None, root: str | None = None, **said: Any
    ) -> dict[str, Any]:
        said = {name: value for name, value in said.items() if value is not False and value != []}
        return labelled(metadata, path=path_of(self._root() if root is None else root, scope), **said)

    def _where(
        self,
        paths: Sequence[str | None],
        categories: list[str] | None,
        source: str | None,
        include_private: bool,  # noqa: FBT001
    ) -> Where:
        inside = conditions(*(path_of(self._root(), path) for path in paths), categories=categories)
        return Where(inside, source, include_private)

    def _root(self) -> str | None:
        return getattr(self, "root_scope", None)

    def _keeps_nothing(self) -> bool:
        return bool(getattr(self, "read_only", False) or getattr(self, "_read_only", False))


class Recalled(MemoryMatch):
    """One memory that was found.

    CrewAI joins the `format()` of all matches to what a prompt shows; here that is one fenced block.
    """

    _block: Block = PrivateAttr()

    def format(self) -> str:
        """Return what a prompt shows of this match."""
        return self._block.shown_by(self.record.id)


class Block:
    """The block of one recall: whichever match is asked first shows it, and the others add nothing.

    It need not be the best one: CrewAI's search tool leaves out the matches that an earlier query of the call found.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._shown_by: str | None = None

    def shown_by(self, record_id: str) -> str:
        """Return what the match of a record shows."""
        self._shown_by = self._shown_by or record_id
        return self._text if record_id == self._shown_by else ""


def _matches(found: Found) -> list[MemoryMatch]:
    if not found.block:
        return []
    block = Block(found.block)
    return [_match(item, block) for item in found.items]


def _match(item: Mapping[str, Any], block: Block) -> MemoryMatch:
    match = Recalled(record=record_of(item), score=item["score"])
    match._block = block  # noqa: SLF001 - pydantic takes no private attributes as arguments
    return match


@contextmanager
def _failing_aloud() -> Iterator[None]:
    """Let an error of Holdfast's pass in the only form in which CrewAI lets one pass."""
    try:
        yield
    except HoldfastError as error:
        raise MemoryFailed(str(error)) from error


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _remade(shelf: Shelf, read_only: bool) -> HoldfastMemory:  # noqa: FBT001
    return HoldfastMemory(shelf, read_only=read_only)
