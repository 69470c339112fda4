"""`crew_memory` for CrewAI up to 1.9: an `ExternalMemory` that stores in Holdfast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crewai.memory.external.external_memory import ExternalMemory  # type: ignore[import-not-found]
from crewai.memory.storage.interface import Storage  # type: ignore[import-not-found]

from holdfast import AsyncMemory, Memory, ScopedMemory
from holdfast_crewai.task_report import Message, answer_message, user_message


def crew_memory(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    on_error: Any = "log",
    max_tokens: int = 1_000,
    clears_scope: bool = False,
) -> ExternalMemory:
    """Return a memory for `Crew(external_memory=...)`.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given. No model sees or chooses an id.
        agent_id: The agent or crew.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets a crew continue without memory, `"raise"` passes failures to CrewAI.
        max_tokens: The size limit of the block a task is shown, in tokens, at least 1.
        clears_scope: Whether a reset also deletes what the user said to other frameworks and to the program itself.

    Raises:
        InvalidInput: No id is given.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    scoped = ScopedMemory(memory, **ids, on_error=on_error)
    return ExternalMemory(storage=ExternalStorage(scoped, max_tokens, clears_scope=clears_scope))


# The label of `records`, which imports what early releases of CrewAI lack.
_LABELLED = {"crewai": {"scope": ["/"]}}
_OWN = {"crewai": "*"}


class ExternalStorage(Storage):  # type: ignore[misc]
    """The storage of an `ExternalMemory`.

    CrewAI's releases differ in the further arguments they pass (an agent's name, a threshold on their own scale) and
    in the key under which they read the text of a result, so arguments are ignored and every key is filled.
    """

    def __init__(self, scoped: ScopedMemory, max_tokens: int, *, clears_scope: bool = False) -> None:
        self._scoped = scoped
        self._max_tokens = max_tokens
        self._clears_scope = clears_scope

    def save(self, value: Any, metadata: Mapping[str, Any] | None = None, *_: Any, **__: Any) -> None:
        """Remember the task in `metadata` and its answer; the prompts in `metadata` are not stored."""
        self._scoped.add(_to_messages(value, metadata), metadata=_LABELLED)

    async def asave(self, value: Any, metadata: Mapping[str, Any] | None = None, *_: Any, **__: Any) -> None:
        """Do `save` without blocking the event loop."""
        await self._scoped.aadd(_to_messages(value, metadata), metadata=_LABELLED)

    def search(self, query: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """Return one result that holds the fenced block of relevant memories, or none."""
        return _to_results(self._scoped.context(query, max_tokens=self._max_tokens))

    async def asearch(self, query: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """Do `search` without blocking the event loop."""
        return _to_results(await self._scoped.acontext(query, max_tokens=self._max_tokens))

    def reset(self) -> None:
        """Delete all memories of this scope that were stored through CrewAI, and none of another scope."""
        self._scoped.delete_all(filters=None if self._clears_scope else _OWN)


def _to_messages(value: Any, metadata: Mapping[str, Any] | None) -> list[Message]:
    fields = metadata or {}
    answer = answer_message(str(value), agent=str(fields.get("agent") or ""))
    return [user_message(fields["description"]), answer] if fields.get("description") else [answer]


def _to_results(block: str) -> list[dict[str, Any]]:
    return [{"content": block, "context": block, "memory": block, "score": 1.0, "metadata": {}}] if block else []
