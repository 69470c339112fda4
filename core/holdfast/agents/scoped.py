"""One memory bound to one scope: what every adapter holds.

The program fixes the ids when it makes the object, so a model that calls a tool cannot choose another scope. Memories
are found by id only when they belong to the scope. Inside someone else's loop a failure of the memory is logged, not
raised, unless the program wants it raised.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeVar

from typing_extensions import Concatenate, ParamSpec, Self

from holdfast import operations
from holdfast.async_memory import AsyncMemory
from holdfast.errors import HoldfastError, InvalidInput, NotFound, short_repr
from holdfast.extraction.facts import Attribution
from holdfast.memory import Face, Memory
from holdfast.operations.arguments import Messages
from holdfast.operations.context import DEFAULT_TOKENS
from holdfast.plain_values import to_plain
from holdfast.results import AddResult, Document, Listing, MemoryItem, SearchResults
from holdfast.runtime.blocking_driver import present_as_method, run_blocking
from holdfast.runtime.effects import Flow
from holdfast.runtime.start import start
from holdfast.scope import make_scope

T = TypeVar("T")
P = ParamSpec("P")
OnError = Literal["raise", "log"]

_log = logging.getLogger("holdfast")


class ScopedFlows:
    """The verbs of one scope as flows, for code that is written once and serves blocking and awaiting callers.

    A function that needs several verbs is a generator over these flows; `ScopedMemory.run` and `ScopedMemory.arun`
    carry it out.

    >>> from holdfast import Flow, Memory, ScopedFlows, ScopedMemory
    >>> def remember_and_count(flows: ScopedFlows, text: str) -> Flow[int]:
    ...     yield from flows.add(text)
    ...     return len((yield from flows.get_all()))
    >>> scoped = ScopedMemory(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> scoped.run(remember_and_count(scoped.flows, "I live in Lisbon."))
    1
    """

    def __init__(self, memory: Face, ids: Mapping[str, Any], on_error: OnError) -> None:
        self._memory = memory
        self._ids = ids
        self._on_error = on_error

    def context(
        self,
        query: str = "",
        *,
        max_tokens: int = DEFAULT_TOKENS,
        filters: Mapping[str, Any] | None = None,
        found: Sequence[MemoryItem] | None = None,
    ) -> Flow[str]:
        """Return what is known as one fenced block for a prompt, `""` when nothing is (see `Memory.context`)."""
        options: dict[str, Any] = {"max_tokens": max_tokens, "filters": filters, "found": found}
        return self._attempt("", operations.context, query, **self._ids, **options)

    def search(
        self,
        query: str,
        *,
        limit: int | None = None,
        threshold: float | None = None,
        filters: Mapping[str, Any] | None = None,
        rerank: bool | None = None,
        filter_memories: bool | None = None,
    ) -> Flow[list[MemoryItem]]:
        """Return the memories relevant to `query`, best first (see `Memory.search`)."""
        options: dict[str, Any] = {"limit": limit, "threshold": threshold, "filters": filters}
        options |= {"rerank": rerank, "filter_memories": filter_memories}
        nothing: SearchResults = {"results": []}
        found = yield from self._attempt(nothing, operations.search, query, **self._ids, **options)
        return found["results"]

    def get_all(
        self,
        *,
        limit: int | None = None,
        filters: Mapping[str, Any] | None = None,
        show_expired: bool = False,
    ) -> Flow[list[MemoryItem]]:
        """Return the memories of the scope, newest first."""
        options: dict[str, Any] = {"limit": limit, "filters": filters, "show_expired": show_expired}
        nothing: Listing = {"results": []}
        listing = yield from self._attempt(nothing, operations.get_all, **self._ids, **options)
        return listing["results"]

    def add(self, /, messages: Messages, **options: Any) -> Flow[AddResult]:
        """Remember a conversation; `options` are those of `Memory.add` except the ids."""
        nothing: AddResult = {"results": [], "skipped": [], "inference": "none"}
        return self._attempt(nothing, operations.add, messages, **self._ids, **options)

    def put(self, documents: Sequence[Document], *, remove: Sequence[str] = ()) -> Flow[None]:
        """Upsert documents of the scope under ids of the caller (see `Memory.put`)."""
        yield from self._attempt(None, operations.put, documents, **self._ids, remove=remove)

    def get(self, memory_id: str) -> Flow[MemoryItem | None]:
        """Return one memory of the scope, `None` when the scope has no memory with this id."""
        item = yield from self._attempt(None, operations.get, memory_id)
        if item is None or any(item.get(field) != value for field, value in self._ids.items()):
            return None
        return item

    def update(
        self,
        memory_id: str,
        text: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        attributed_to: Attribution | None = None,
    ) -> Flow[MemoryItem]:
        """Change one memory of the scope (see `Memory.update`) and return it as it was before.

        Raises:
            NotFound: The scope has no such memory. Raised whatever `on_error` is: the caller must know.
        """
        before = yield from self._get_or_raise(memory_id)
        options: dict[str, Any] = {"metadata": metadata, "attributed_to": attributed_to}
        yield from self._attempt(None, operations.update, memory_id, text, **options)
        return before

    def delete(self, memory_id: str) -> Flow[MemoryItem]:
        """Delete one memory of the scope and return it as it was before.

        Raises:
            NotFound: The scope has no such memory. Raised whatever `on_error` is: the caller must know.
        """
        before = yield from self._get_or_raise(memory_id)
        yield from self._attempt(None, operations.delete, memory_id)
        return before

    def delete_all(self, *, filters: Mapping[str, Any] | None = None) -> Flow[None]:
        """Delete every memory of the scope, or only those that match `filters`."""
        yield from self._attempt(None, operations.delete_all, **self._ids, filters=filters)

    def _get_or_raise(self, memory_id: str) -> Flow[MemoryItem]:
        item = yield from self.get(memory_id)
        if item is None:
            raise NotFound(
                f"there is no memory {to_plain(memory_id, 'memory_id')} here: search shows the ids there are"
            )
        return item

    def _attempt(self, fallback: Any, operation: Callable[..., Flow[T]], *args: Any, **options: Any) -> Flow[T]:
        """Run a verb; on a failure return `fallback` where failures are logged."""
        try:
            return (yield from start(operation, self._memory.runtime, args, options))
        except HoldfastError as error:
            if self._on_error == "raise":
                raise
            _log.warning("the memory failed and the conversation goes on without it: %s", error)
            return fallback  # type: ignore[no-any-return]


def _blocking(verb: Callable[Concatenate[ScopedFlows, P], Flow[T]]) -> Callable[Concatenate[ScopedMemory, P], T]:
    def method(self: ScopedMemory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.flows, *args, **kwargs))

    return present_as_method(method, verb)


def _awaitable(
    verb: Callable[Concatenate[ScopedFlows, P], Flow[T]],
) -> Callable[Concatenate[ScopedMemory, P], Coroutine[Any, Any, T]]:
    async def method(self: ScopedMemory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.arun(verb(self.flows, *args, **kwargs))

    return present_as_method(method, verb)


class ScopedMemory:
    """The verbs of one scope, blocking and (with an `a` before the name) awaitable, for either kind of memory.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` turns a failure into a warning and an empty answer, `"raise"` raises it.

    Copies and deep copies are the same object: agents that frameworks copy keep sharing one store.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.

    >>> from holdfast import Memory, ScopedMemory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> ana = ScopedMemory(memory, user_id="ana")
    >>> added = ana.add("I live in Lisbon.")
    >>> ana.search("home")[0]["memory"], ScopedMemory(memory, user_id="bob").search("home")
    ('I live in Lisbon.', [])
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
        if to_plain(on_error, "on_error") not in ("raise", "log"):
            raise InvalidInput(f"on_error is {short_repr(on_error)}: use 'raise' or 'log'")
        if not isinstance(memory, (Memory, AsyncMemory)):
            raise InvalidInput(f"memory is {type(memory).__name__}: give a holdfast.Memory or AsyncMemory")
        ids = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
        self.scope = make_scope(**{field: to_plain(value, field) for field, value in ids.items()})
        self.on_error: OnError = on_error
        self._ids: dict[str, Any] = self.scope.ids()
        self._memory = memory
        self._awaiting = memory if isinstance(memory, AsyncMemory) else _async_face_of(memory)
        self.flows = ScopedFlows(memory, self._ids, on_error)

    context = _blocking(ScopedFlows.context)
    acontext = _awaitable(ScopedFlows.context)
    search = _blocking(ScopedFlows.search)
    asearch = _awaitable(ScopedFlows.search)
    get_all = _blocking(ScopedFlows.get_all)
    aget_all = _awaitable(ScopedFlows.get_all)
    add = _blocking(ScopedFlows.add)
    aadd = _awaitable(ScopedFlows.add)
    put = _blocking(ScopedFlows.put)
    aput = _awaitable(ScopedFlows.put)
    get = _blocking(ScopedFlows.get)
    aget = _awaitable(ScopedFlows.get)
    update = _blocking(ScopedFlows.update)
    aupdate = _awaitable(ScopedFlows.update)
    delete = _blocking(ScopedFlows.delete)
    adelete = _awaitable(ScopedFlows.delete)
    delete_all = _blocking(ScopedFlows.delete_all)
    adelete_all = _awaitable(ScopedFlows.delete_all)

    def run(self, flow: Flow[T]) -> T:
        """Carry out a flow made of `flows`, blocking until it is done."""
        return run_blocking(flow)

    async def arun(self, flow: Flow[T]) -> T:
        """Carry out a flow made of `flows`; models are awaited, local work runs in a thread."""
        return await self._awaiting.driver.run(flow)

    def within(self, **ids: str | None) -> ScopedMemory:
        """Return the same memory with other or further ids, such as `run_id` for one session.

        Raises:
            InvalidInput: An id cannot be used.
        """
        return ScopedMemory(self._memory, **{**self._ids, **ids}, on_error=self.on_error)

    def raising(self) -> ScopedMemory:
        """Return the same memory with `on_error="raise"`, for a caller that reports failures itself."""
        return self if self.on_error == "raise" else ScopedMemory(self._memory, **self._ids, on_error="raise")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._memory, self._ids, self.on_error)

    def __repr__(self) -> str:
        return f"ScopedMemory({self._memory.path!r}, {self._ids})"


# An async face has threads of its own and commits concurrent writes together: one serves all scopes of a memory.
_async_faces: weakref.WeakKeyDictionary[Memory, AsyncMemory] = weakref.WeakKeyDictionary()
_async_faces_lock = threading.Lock()


def _async_face_of(memory: Memory) -> AsyncMemory:
    with _async_faces_lock:
        face = _async_faces.get(memory)
        if face is None:
            face = _async_faces[memory] = AsyncMemory.over(memory)
        return face


def _reopen(memory: Memory | AsyncMemory, ids: dict[str, Any], on_error: OnError) -> ScopedMemory:
    return ScopedMemory(memory, **ids, on_error=on_error)


class FromConfig(Enum):
    """The type of `FROM_CONFIG`."""

    FROM_CONFIG = "read from each run"

    def __repr__(self) -> str:
        return self.name


FROM_CONFIG: Final = FromConfig.FROM_CONFIG
"""Given as an id: read the id from each run, from its `context` or else from `config["configurable"]`."""

Id = str | FromConfig | None


class Owner:
    """The scope of an adapter's object: fixed ids, and ids that are read from each run.

    Args:
        memory: The memory.
        user_id: The user, or `FROM_CONFIG`; at least one of the four ids must be given.
        agent_id: The agent, or `FROM_CONFIG`.
        run_id: The session, or `FROM_CONFIG`.
        app_id: The application, or `FROM_CONFIG`.
        on_error: See `ScopedMemory`.

    Raises:
        InvalidInput: No id is named, or `on_error` is another word.

    >>> from holdfast import FROM_CONFIG, Memory, Owner
    >>> owner = Owner(Memory(":memory:", embedder="hashing"), user_id=FROM_CONFIG)
    >>> owner.of({"user_id": "ana"}).scope.user_id
    'ana'
    """

    def __init__(
        self,
        memory: Memory | AsyncMemory,
        *,
        user_id: Id = None,
        agent_id: Id = None,
        run_id: Id = None,
        app_id: Id = None,
        on_error: OnError = "log",
    ) -> None:
        ids: dict[str, Id] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
        self.varying = [field for field, value in ids.items() if value is FROM_CONFIG]
        # An id that varies gets a placeholder here; `of` always replaces it.
        known = {field: value.value if isinstance(value, FromConfig) else value for field, value in ids.items()}
        self._scoped = ScopedMemory(memory, **known, on_error=on_error)

    def of(self, *places: object) -> ScopedMemory:
        """Return the memory of the scope a run belongs to.

        Args:
            places: Where the run names its ids: mappings, objects with attributes, or `None`. The first place that
                has an id decides.

        Raises:
            InvalidInput: No place has an id that varies.
        """
        if not self.varying:
            return self._scoped
        return self._scoped.within(**{field: _id_of_run(field, places) for field in self.varying})


def _id_of_run(field: str, places: tuple[object, ...]) -> str:
    for place in places:
        value: Any = place.get(field) if isinstance(place, Mapping) else getattr(place, field, None)
        if value is not None:
            return value  # type: ignore[no-any-return]
    raise InvalidInput(
        f"this run does not say its {field}: invoke with config={{'configurable': {{'{field}': ...}}}}, or with a"
        f" context that has {field}"
    )
