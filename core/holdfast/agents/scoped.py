"""A memory bound to one scope: what every adapter holds.

The ids are fixed by the program when it is made, so no model that calls a tool can choose another; memories are found
by id only when they belong to the scope; and inside someone else's loop a failure of the memory is logged, not raised,
unless the program wants it otherwise.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from typing_extensions import Self

from holdfast.async_memory import AsyncMemory
from holdfast.errors import HoldfastError, InvalidInput, NotFound
from holdfast.memory import Memory
from holdfast.operations.arguments import Messages
from holdfast.operations.context import DEFAULT_TOKENS
from holdfast.results import AddResult, Document, Listing, MemoryItem, SearchResults
from holdfast.scope import make_scope

T = TypeVar("T")
OnError = Literal["raise", "log"]

_log = logging.getLogger("holdfast")

# An awaiting face has threads of its own and commits together what is asked of it at once: one serves all scopes.
_awaiting_faces: weakref.WeakKeyDictionary[Memory, AsyncMemory] = weakref.WeakKeyDictionary()
_making_faces = threading.Lock()


class ScopedMemory:
    """The verbs of one scope, blocking and (with an `a` before the name) awaitable, whichever face was given.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` turns a failure into a warning and an empty answer, `"raise"` lets it out.

    Copies, deep copies too, are the same object: agents that frameworks copy go on sharing one store.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
        on_error: OnError = "log",
    ) -> None:
        if on_error not in ("raise", "log"):
            raise InvalidInput(f"on_error is {on_error!r}: use 'raise' or 'log'")
        if not isinstance(memory, (Memory, AsyncMemory)):
            raise InvalidInput(f"memory is {type(memory).__name__}: give a holdfast.Memory or AsyncMemory")
        self.scope = make_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
        self.on_error: OnError = on_error
        self._ids: dict[str, Any] = self.scope.ids()
        self._memory = memory
        self._blocking = memory if isinstance(memory, Memory) else Memory.over(memory)
        self._awaiting = memory if isinstance(memory, AsyncMemory) else _awaiting_face(memory)

    def within(self, **ids: str | None) -> ScopedMemory:
        """Return the same memory with other or further ids, such as `run_id` for one session.

        Raises:
            InvalidInput: An id is none.
        """
        return ScopedMemory(self._memory, **{**self._ids, **ids}, on_error=self.on_error)

    def raising(self) -> ScopedMemory:
        """Return the same memory with its failures let out, for who tells of them in words of their own."""
        return self if self.on_error == "raise" else ScopedMemory(self._memory, **self._ids, on_error="raise")

    def context(
        self,
        query: str = "",
        *,
        max_tokens: int = DEFAULT_TOKENS,
        filters: Mapping[str, Any] | None = None,
        found: Sequence[MemoryItem] | None = None,
    ) -> str:
        """Return what is known as one fenced block for a prompt, `""` when there is nothing (see `Memory.context`)."""
        options: dict[str, Any] = {"max_tokens": max_tokens, "filters": filters, "found": found}
        return self._tried("", lambda: self._blocking.context(query, **self._ids, **options))

    async def acontext(
        self,
        query: str = "",
        *,
        max_tokens: int = DEFAULT_TOKENS,
        filters: Mapping[str, Any] | None = None,
        found: Sequence[MemoryItem] | None = None,
    ) -> str:
        """Await `context`."""
        options: dict[str, Any] = {"max_tokens": max_tokens, "filters": filters, "found": found}
        return await self._atried("", lambda: self._awaiting.context(query, **self._ids, **options))

    def search(
        self,
        query: str,
        *,
        limit: int | None = None,
        threshold: float | None = None,
        filters: Mapping[str, Any] | None = None,
        rerank: bool | None = None,
        filter_memories: bool | None = None,
    ) -> list[MemoryItem]:
        """Return the memories that bear on `query`, best first (see `Memory.search`)."""
        options: dict[str, Any] = {"limit": limit, "threshold": threshold, "filters": filters}
        options |= {"rerank": rerank, "filter_memories": filter_memories}
        found = self._tried(_nothing(), lambda: self._blocking.search(query, **self._ids, **options))
        return found["results"]

    async def asearch(
        self,
        query: str,
        *,
        limit: int | None = None,
        threshold: float | None = None,
        filters: Mapping[str, Any] | None = None,
        rerank: bool | None = None,
        filter_memories: bool | None = None,
    ) -> list[MemoryItem]:
        """Await `search`."""
        options: dict[str, Any] = {"limit": limit, "threshold": threshold, "filters": filters}
        options |= {"rerank": rerank, "filter_memories": filter_memories}
        found = await self._atried(_nothing(), lambda: self._awaiting.search(query, **self._ids, **options))
        return found["results"]

    def get_all(
        self,
        *,
        limit: int | None = None,
        filters: Mapping[str, Any] | None = None,
        show_expired: bool = False,
    ) -> list[MemoryItem]:
        """Return the memories of the scope, newest first."""
        options: dict[str, Any] = {"limit": limit, "filters": filters, "show_expired": show_expired}
        listing = self._tried(_empty(), lambda: self._blocking.get_all(**self._ids, **options))
        return listing["results"]

    async def aget_all(
        self,
        *,
        limit: int | None = None,
        filters: Mapping[str, Any] | None = None,
        show_expired: bool = False,
    ) -> list[MemoryItem]:
        """Await `get_all`."""
        options: dict[str, Any] = {"limit": limit, "filters": filters, "show_expired": show_expired}
        listing = await self._atried(_empty(), lambda: self._awaiting.get_all(**self._ids, **options))
        return listing["results"]

    def add(self, messages: Messages, **options: Any) -> AddResult:
        """Remember a conversation (see `Memory.add` for the options; ids are not among them)."""
        return self._tried(_not_added(), lambda: self._blocking.add(messages, **self._ids, **options))

    async def aadd(self, messages: Messages, **options: Any) -> AddResult:
        """Await `add`."""
        return await self._atried(_not_added(), lambda: self._awaiting.add(messages, **self._ids, **options))

    def put(self, documents: Sequence[Document], *, remove: Sequence[str] = ()) -> None:
        """Keep documents of the scope under ids of your own (see `Memory.put`)."""
        self._tried(None, lambda: self._blocking.put(documents, **self._ids, remove=remove))

    async def aput(self, documents: Sequence[Document], *, remove: Sequence[str] = ()) -> None:
        """Await `put`."""
        await self._atried(None, lambda: self._awaiting.put(documents, **self._ids, remove=remove))

    def get(self, memory_id: str) -> MemoryItem | None:
        """Return one memory of the scope, `None` when it has none with this id."""
        return self._mine(self._tried(None, lambda: self._blocking.get(memory_id)))

    async def aget(self, memory_id: str) -> MemoryItem | None:
        """Await `get`."""
        return self._mine(await self._atried(None, lambda: self._awaiting.get(memory_id)))

    def update(
        self, memory_id: str, text: str | None = None, *, metadata: Mapping[str, Any] | None = None
    ) -> MemoryItem:
        """Change one memory of the scope (see `Memory.update`), and return it as it was before.

        Raises:
            NotFound: The scope has no such memory (whatever `on_error` says: the caller must know).
        """
        before = self._required(self.get(memory_id), memory_id)
        self._tried(None, lambda: self._blocking.update(memory_id, text, metadata=metadata))
        return before

    async def aupdate(
        self, memory_id: str, text: str | None = None, *, metadata: Mapping[str, Any] | None = None
    ) -> MemoryItem:
        """Await `update`."""
        before = self._required(await self.aget(memory_id), memory_id)
        await self._atried(None, lambda: self._awaiting.update(memory_id, text, metadata=metadata))
        return before

    def delete(self, memory_id: str) -> MemoryItem:
        """Delete one memory of the scope, and return it as it was before.

        Raises:
            NotFound: The scope has no such memory (whatever `on_error` says: the caller must know).
        """
        before = self._required(self.get(memory_id), memory_id)
        self._tried(None, lambda: self._blocking.delete(memory_id))
        return before

    async def adelete(self, memory_id: str) -> MemoryItem:
        """Await `delete`."""
        before = self._required(await self.aget(memory_id), memory_id)
        await self._atried(None, lambda: self._awaiting.delete(memory_id))
        return before

    def delete_all(self, *, filters: Mapping[str, Any] | None = None) -> None:
        """Delete every memory of the scope, or those of it that match `filters`."""
        self._tried(None, lambda: self._blocking.delete_all(**self._ids, filters=filters))

    async def adelete_all(self, *, filters: Mapping[str, Any] | None = None) -> None:
        """Await `delete_all`."""
        await self._atried(None, lambda: self._awaiting.delete_all(**self._ids, filters=filters))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._blocking, self._ids, self.on_error)

    def __repr__(self) -> str:
        return f"ScopedMemory({self._blocking.path!r}, {self._ids})"

    def _mine(self, item: MemoryItem | None) -> MemoryItem | None:
        holds = item is not None and all(item.get(field) == value for field, value in self._ids.items())
        return item if holds else None

    def _required(self, item: MemoryItem | None, memory_id: str) -> MemoryItem:
        if item is None:
            raise NotFound(f"there is no memory {memory_id} here: search shows the ids there are")
        return item

    def _tried(self, otherwise: Any, call: Callable[[], T]) -> T:
        try:
            return call()
        except HoldfastError as error:
            return self._failed(error, otherwise)  # type: ignore[no-any-return]

    async def _atried(self, otherwise: Any, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except HoldfastError as error:
            return self._failed(error, otherwise)  # type: ignore[no-any-return]

    def _failed(self, error: HoldfastError, otherwise: Any) -> Any:
        if self.on_error == "raise":
            raise error
        _log.warning("the memory failed and the conversation goes on without it: %s", error)
        return otherwise


def _awaiting_face(memory: Memory) -> AsyncMemory:
    with _making_faces:
        face = _awaiting_faces.get(memory)
        if face is None:
            face = _awaiting_faces[memory] = AsyncMemory.over(memory)
        return face


def _nothing() -> SearchResults:
    return {"results": []}


def _empty() -> Listing:
    return {"results": []}


def _not_added() -> AddResult:
    return {"results": [], "skipped": [], "inference": "none"}


def _reopened(memory: Memory, ids: dict[str, Any], on_error: OnError) -> ScopedMemory:
    return ScopedMemory(memory, **ids, on_error=on_error)
