"""The views of `crew_memory` on a part of its paths: `memory.scope(path)` and `memory.slice(paths)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from crewai.memory.memory_scope import MemoryScope, MemorySlice
from crewai.memory.types import MemoryMatch
from pydantic import SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from holdfast_crewai.records import ROOT, path_of


def itself(self: Any, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    """Return the object in the place of its fields; only JSON is made of those.

    CrewAI copies an agent by building another of what the first one dumps. Of the fields of a memory it builds one of
    its own, and of those of a view one without a memory. Pydantic comes here when the fields of CrewAI's class do not
    describe what they hold: the shelf of a memory, and of a view the path or paths, which therefore are no
    string and no list.
    """
    return dump(self) if info.mode_is_json() else self


class HoldfastScope(MemoryScope):
    """What is at one path and below it."""

    _memory: Any

    def __init__(self, *, memory: Any, root_path: str) -> None:
        super().__init__(memory=memory, root_path=root_path)  # type: ignore[call-arg]
        self.root_path = PurePosixPath(self._root or ROOT)  # type: ignore[assignment]

    @model_serializer(mode="wrap")
    def dumped(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """Return `itself`; in JSON the path is a string again."""
        return dump(MemoryScope(root_path=str(self.root_path))) if info.mode_is_json() else itself(self, dump, info)

    def subscope(self, path: str) -> MemoryScope:
        """Return the view of a path below this one."""
        view: MemoryScope = self._memory.scope(path_of(self._root, path))
        return view


class HoldfastSlice(MemorySlice):
    """What is at several paths and below them, found by one search and shown as one block."""

    _memory: Any
    _paths: Sequence[str]
    _categories: list[str] | None

    def __init__(self, *, memory: Any, scopes: list[str], categories: list[str] | None, read_only: bool) -> None:
        super().__init__(  # type: ignore[call-arg]
            memory=memory, scopes=scopes, categories=categories, read_only=read_only
        )
        self.scopes = self._paths = tuple(map(path_of, scopes))  # type: ignore[assignment]
        self._categories = categories

    @model_serializer(mode="wrap")
    def dumped(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """Return `itself`; in JSON the paths are a list again."""
        if not info.mode_is_json():
            return itself(self, dump, info)
        return dump(MemorySlice(scopes=list(self._paths), categories=self._categories, read_only=self.read_only))

    def recall(
        self,
        query: str,
        scope: str | None = None,  # noqa: ARG002 - CrewAI's own looks at all of the slice, too
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Any = "deep",  # noqa: ARG002 - there is one depth
        source: str | None = None,
        include_private: bool = False,  # noqa: FBT001, FBT002 - CrewAI's signature
    ) -> list[MemoryMatch]:
        """Return the memories of all the paths that bear on `query`, best first."""
        found: list[MemoryMatch] = self._memory.recall_within(
            self._paths,
            query,
            categories=categories or self._categories,
            limit=limit,
            source=source,
            include_private=include_private,
        )
        return found
