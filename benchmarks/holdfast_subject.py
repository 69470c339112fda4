"""Holdfast as a `Subject`, with its default durability: every acknowledged add is on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import holdfast
from benchmarks.conversations import Session
from benchmarks.corpus import Corpus, TopicEmbedder
from benchmarks.measurement import RESULTS

_MESSAGES_PER_ADD = 1_000


class Holdfast:
    """A `holdfast.Memory` with the benchmark's embedder, driven as a `Subject`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory = holdfast.Memory(folder / "memory.db", llm="rules", embedder=TopicEmbedder())

    def add(self, texts: Sequence[str], *, owner: str) -> list[str]:
        """Add `texts` unchanged in one call and return their ids."""
        added = self._memory.add(_to_messages(texts), user_id=owner, infer=False)
        return [row["id"] for row in added["results"]]

    def add_session(self, session: Session) -> None:
        """Add the turns of a session unchanged in one call."""
        self._memory.add(session.messages, user_id=session.owner, run_id=session.name, infer=False)

    def search(self, query: str, *, owner: str) -> list[str]:
        """Return the texts found for `query` among the memories of `owner`, best first."""
        found = self._memory.search(query, user_id=owner, limit=RESULTS)
        return [row["memory"] for row in found["results"]]

    def get_text(self, memory_id: str) -> str | None:
        """Return the text of one memory, `None` if it does not exist."""
        item = self._memory.get(memory_id)
        return None if item is None else item["memory"]

    def load(self, corpus: Corpus) -> dict[str, str]:
        """Add a whole corpus, a thousand messages per call, and return its texts by id."""
        loaded: dict[str, str] = {}
        for owner, texts in corpus.by_owner().items():
            for first in range(0, len(texts), _MESSAGES_PER_ADD):
                batch = texts[first : first + _MESSAGES_PER_ADD]
                loaded.update(zip(self.add(batch, owner=owner), batch, strict=True))
        return loaded

    def close(self) -> None:
        """Close the file."""
        self._memory.close()


def _to_messages(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]
