"""`crew_memory` for CrewAI up to 1.9: an `ExternalMemory` over Holdfast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crewai.memory.external.external_memory import ExternalMemory  # type: ignore[import-not-found]
from crewai.memory.storage.interface import Storage  # type: ignore[import-not-found]

from holdfast import AsyncMemory, Memory, ScopedMemory
from holdfast_crewai.turns import Message, answer_of, asked_by_user


def crew_memory(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    on_error: Any = "log",
    max_tokens: int = 1_000,
) -> ExternalMemory:
    """Return a memory for `Crew(external_memory=...)`.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose memory; at least one of the four ids must be given, and no model ever sees or chooses one.
        agent_id: The agent or crew.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` lets a crew go on without memory, `"raise"` leaves failures to CrewAI.
        max_tokens: Room for what a task is shown, at least 1.

    Raises:
        InvalidInput: No scope is named.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    return ExternalMemory(storage=ExternalStorage(ScopedMemory(memory, **ids, on_error=on_error), max_tokens))


class ExternalStorage(Storage):  # type: ignore[misc]
    """What an `ExternalMemory` saves to and searches.

    The releases differ in what else they pass (the agent's name, a threshold on a scale of their own), and in the key
    under which they look for a result's text.
    """

    def __init__(self, scoped: ScopedMemory, max_tokens: int) -> None:
        self._scoped = scoped
        self._max_tokens = max_tokens

    def save(self, value: Any, metadata: Mapping[str, Any] | None = None, *_: Any, **__: Any) -> None:
        """Remember the task in `metadata` and its answer; the prompts that lie there too are never kept."""
        self._scoped.add(_turn(value, metadata))

    async def asave(self, value: Any, metadata: Mapping[str, Any] | None = None, *_: Any, **__: Any) -> None:
        """Await `save`."""
        await self._scoped.aadd(_turn(value, metadata))

    def search(self, query: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """Return what is known as one result that holds the fenced block."""
        return _results(self._scoped.context(query, max_tokens=self._max_tokens))

    async def asearch(self, query: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """Await `search`."""
        return _results(await self._scoped.acontext(query, max_tokens=self._max_tokens))

    def reset(self) -> None:
        """Forget everything of the ids, and nothing of anyone else's."""
        self._scoped.delete_all()


def _turn(value: Any, metadata: Mapping[str, Any] | None) -> list[Message]:
    about = metadata or {}
    answer = answer_of(str(value), agent=str(about.get("agent") or ""))
    return [asked_by_user(about["description"]), answer] if about.get("description") else [answer]


def _results(block: str) -> list[dict[str, Any]]:
    return [{"content": block, "context": block, "memory": block, "score": 1.0, "metadata": {}}] if block else []
