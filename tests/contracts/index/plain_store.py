"""The part of a store that an index reads, in two dictionaries; random stores for Hypothesis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from hypothesis import strategies as st

from holdfast.retrieval.index_text import label_terms
from holdfast.retrieval.query_intent import MAX_QUESTION_LABELS, QUESTION_LABEL
from holdfast.retrieval.tokenize import hash_terms
from holdfast.scope import Scope
from holdfast.stores.protocol import IndexBatch

DIMENSIONS = 8
QUESTION_TERM = int(label_terms([QUESTION_LABEL])[0])
TERMS = [*range(1, 7), QUESTION_TERM]
DAYS = ["2026-05-07", "2026-05-08", "2026-05-09"]
SPEAKERS = {None: 0, "Ana": int(hash_terms(["ana"])[0]), "Ana Costa": int(hash_terms(["ana"])[0]), "!": 0}


@dataclass(frozen=True)
class Row:
    """One memory as the index gets it."""

    scope: Scope
    vector: tuple[float, ...]
    terms: tuple[int, ...] = ()
    expiration_date: str | None = None
    memory_type: str = "semantic"
    speaker: str | None = None

    def is_current(self, today: date | None) -> bool:
        return today is None or self.expiration_date is None or date.fromisoformat(self.expiration_date) >= today

    def has(self, ids: dict[str, str]) -> bool:
        return all(getattr(self.scope, field) == value for field, value in ids.items())

    def conversation(self) -> Scope | None:
        """Return what the turns of one conversation share, `None` outside of conversations."""
        return self.scope if self.memory_type == "episodic" and self.scope.run_id is not None else None


class PlainStore:
    """Rows by number and a sequence of changes; each row's number is that of the change that inserted it."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.sequence = 0
        self._changed_at: dict[int, int] = {}
        self._deleted_at: dict[int, int] = {}
        self._cleared_at = 0

    def insert(self, row: Row) -> int:
        self.sequence += 1
        self.rows[self.sequence] = row
        self._changed_at[self.sequence] = self.sequence
        return self.sequence

    def update(self, number: int, row: Row) -> None:
        """Replace all that an update of a memory can change: not its scope, and not its type."""
        self.sequence += 1
        old = self.rows[number]
        self.rows[number] = replace(row, scope=old.scope, memory_type=old.memory_type)
        self._changed_at[number] = self.sequence

    def delete(self, number: int) -> None:
        self.sequence += 1
        del self.rows[number]
        self._deleted_at[number] = self.sequence

    def clear(self) -> None:
        self.sequence += 1
        self.rows = {}
        self._cleared_at = self.sequence

    def index_batches(self, since: int, *, size: int = 1000) -> Iterator[IndexBatch]:
        """Yield what changed after change `since`, at most `size` rows at a time."""
        restart = self._cleared_at > since
        whole = restart or not since
        deleted = [] if whole else sorted(row for row, at in self._deleted_at.items() if row <= since < at)
        changed = sorted(row for row in self.rows if whole or self._changed_at[row] > since)
        for start in range(0, max(len(changed), restart or bool(deleted)), size):
            yield self._batch(changed[start : start + size], deleted, restart=restart)
            restart, deleted = False, []

    def _batch(self, numbers: list[int], deleted: list[int], *, restart: bool) -> IndexBatch:
        rows = [self.rows[number] for number in numbers]
        return IndexBatch(
            rows=np.array(numbers, dtype=np.int64),
            scopes=[row.scope for row in rows],
            expiration_dates=[row.expiration_date for row in rows],
            memory_types=[row.memory_type for row in rows],
            speakers=[row.speaker for row in rows],
            vectors=np.array([row.vector for row in rows], dtype=np.float32).reshape(-1, DIMENSIONS),
            terms=[np.array(row.terms, dtype=np.uint32) for row in rows],
            deleted_rows=deleted,
            sequence=self.sequence,
            restart=restart,
        )

    def get_setting(self, name: str) -> str:
        return f"the {name} of this store"

    def get_change_id(self, sequence: int) -> str | None:
        return f"change {sequence}" if 0 < sequence <= self.sequence else None


def unit_vectors(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vector(seed: int) -> tuple[float, ...]:
    return tuple(unit_vectors(1, seed)[0].tolist())


_names = st.sampled_from([None, "a", "b"])
scopes = st.builds(Scope, user_id=_names, agent_id=_names, run_id=_names, app_id=_names)
ids = scopes.map(Scope.ids)
seeds = st.integers(0, 2**32 - 1)
today = st.none() | st.sampled_from(DAYS).map(date.fromisoformat)
_rows = st.builds(
    Row,
    scope=scopes,
    vector=seeds.map(_vector),
    terms=st.lists(st.sampled_from(TERMS), max_size=6)
    .filter(lambda terms: terms.count(QUESTION_TERM) <= MAX_QUESTION_LABELS)
    .map(tuple),
    expiration_date=st.none() | st.sampled_from(DAYS),
    memory_type=st.sampled_from(["semantic", "episodic", "document"]),
    speaker=st.sampled_from(list(SPEAKERS)),
)
_steps = st.tuples(
    st.sampled_from(["insert"] * 6 + ["update", "update", "delete", "delete", "clear"]), _rows, st.integers(0, 99)
)
histories = st.lists(_steps, max_size=20)


def carry_out(store: PlainStore, step: tuple[str, Row, int]) -> None:
    """Change `store`; without rows, updates and deletes do nothing."""
    verb, row, number = step
    if verb == "insert":
        store.insert(row)
    elif verb == "clear":
        store.clear()
    elif store.rows:
        chosen = list(store.rows)[number % len(store.rows)]
        if verb == "update":
            store.update(chosen, row)
        else:
            store.delete(chosen)


def _carry_out_all(history: list[tuple[str, Row, int]]) -> PlainStore:
    store = PlainStore()
    for step in history:
        carry_out(store, step)
    return store


stores = histories.map(_carry_out_all)


def expected_contents(store: PlainStore) -> dict[int, dict]:
    """Return by row what an index of `store` must hold; turns of one conversation have the same first row."""
    first: dict[Scope, int] = {}
    contents = {}
    for number, row in store.rows.items():
        conversation = row.conversation()
        contents[number] = {
            "terms": dict(Counter(row.terms)),
            "length": len(row.terms),
            "questions": row.terms.count(QUESTION_TERM),
            "speaker": SPEAKERS[row.speaker],
            "conversation": first.setdefault(conversation, number) if conversation else None,
        }
    return contents


def contents_of(index) -> dict[int, dict]:
    """Return the same of an index, as far as it has current memories."""
    positions = index.filter_current(index.find_positions({}), today=None)
    rows = index.rows_at(positions).tolist()
    counts = [Counter() for _ in rows]
    for term, postings in zip(
        sorted(TERMS), index.terms.find_postings(np.array(TERMS, np.uint32), positions), strict=True
    ):
        for place, count in zip(postings.places.tolist(), postings.counts.tolist(), strict=True):
            counts[place][term] = count
    first: dict[int, int] = {}
    columns = zip(
        rows,
        counts,
        index.terms.lengths_at(positions).tolist(),
        index.terms.question_counts_at(positions).tolist(),
        index.speakers_at(positions).tolist(),
        index.conversations_at(positions).tolist(),
        strict=True,
    )
    return {
        row: {
            "terms": dict(terms),
            "length": length,
            "questions": questions,
            "speaker": speaker,
            "conversation": first.setdefault(conversation, row) if conversation else None,
        }
        for row, terms, length, questions, speaker, conversation in columns
    }
