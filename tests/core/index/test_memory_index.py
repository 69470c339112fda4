"""The index in memory keeps the contract, and equals its store after any changes by two memories on one file."""

import math
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.contracts.index.plain_store import (
    DIMENSIONS,
    TERMS,
    PlainStore,
    Row,
    contents_of,
    expected_contents,
    unit_vectors,
)
from tests.contracts.index_contract import IndexContract

from holdfast import Config, Memory
from holdfast.filters import MATCH_ALL, parse_filter
from holdfast.index import memory_index, postings
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.vectors import ExactVectors
from holdfast.operations.index_entries import attribute_labels
from holdfast.retrieval.bm25 import K1, B
from holdfast.retrieval.index_text import terms_to_index, text_to_embed
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.scope import SCOPE_FIELDS, Scope


class TestMemoryIndex(IndexContract):
    def make_index(self, dimensions):
        return MemoryIndex(dimensions)


class TestMemoryIndexWithSortedTerms(IndexContract):
    """The same where terms are found by sorting, as with thousands of candidates."""

    @pytest.fixture(autouse=True)
    def _sort_at_once(self, monkeypatch):
        monkeypatch.setattr(postings, "_SORT_FROM_CANDIDATES", 0)
        monkeypatch.setattr(postings, "_MAX_UNSORTED", 3)

    def make_index(self, dimensions):
        return MemoryIndex(dimensions)


class TestMemoryIndexWithoutGaps(IndexContract):
    """The same where gaps are closed after every change, as after thousands of deletions."""

    @pytest.fixture(autouse=True)
    def _close_gaps_at_once(self, monkeypatch):
        monkeypatch.setattr(memory_index, "_MAX_DELETED", -(10**9))
        monkeypatch.setattr(postings, "_MAX_UNUSED_TERMS", -(10**9))

    def make_index(self, dimensions):
        return MemoryIndex(dimensions)


def sizes_of(index):
    """The number of items in everything the index holds."""
    columns = (index.rows, index.expires, index.exists, index.conversations, index.speakers)
    return {
        "columns": max(len(column._capacity) for column in columns),
        "vectors": len(index.vectors),
        "terms": len(index.terms.terms._capacity),
        "places of terms": max(len(column._capacity) for column in (index.terms.starts, index.terms.lengths)),
        "changed": 0 if index.terms._sorted is None else len(index.terms._sorted.changed),
        "scopes": sum(len(positions) for field in SCOPE_FIELDS for _, positions in index.scopes.lists(field)),
        "ids": sum(1 for field in SCOPE_FIELDS for _ in index.scopes.lists(field)),
    }


@pytest.mark.parametrize("sort_from", [0, 10**9])
def test_an_index_of_200_memories_stays_small_through_20_000_changes(monkeypatch, sort_from):
    monkeypatch.setattr(postings, "_SORT_FROM_CANDIDATES", sort_from)
    store, index, choose = PlainStore(), MemoryIndex(DIMENSIONS), random.Random(1)
    vectors = unit_vectors(50, seed=1).tolist()
    largest = Counter()
    for number in range(20_001):
        row = Row(
            Scope(user_id=f"user {number}"),
            tuple(vectors[number % 50]),
            terms=tuple(choose.choices(TERMS[:-1], k=number % 30)),
        )
        if len(store.rows) < 200:
            store.insert(row)
        elif number % 3:
            store.update(choose.choice(list(store.rows)), row)
        else:
            store.delete(choose.choice(list(store.rows)))
        if number % 50 == 0:
            index.apply(store.index_batches(index.sequence))
            index.terms.find_postings(np.array([1, 2], dtype=np.uint32), index.find_positions({}))
            largest |= Counter(sizes_of(index))
    assert len(index) == len(store.rows)
    assert contents_of(index) == expected_contents(store)
    assert max(size for name, size in largest.items() if name != "terms") <= 3_000, largest
    assert largest["terms"] <= 400_000, largest


# Two memories on one file

users = st.sampled_from(["ana", "ben", "carl"])
sentences = st.lists(st.sampled_from("tea cat dog berlin red blue".split()), min_size=1, max_size=5).map(" ".join)
either = st.integers(0, 1)


class TwoOnOneFile(RuleBasedStateMachine):
    """Two memories on one file, changed at random: both indexes equal one that is built from the store."""

    sort_from, max_unsorted = 10**9, 0

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.thresholds = mock.patch.multiple(
            postings, _SORT_FROM_CANDIDATES=self.sort_from, _MAX_UNSORTED=self.max_unsorted
        )
        self.thresholds.start()
        config = Config(synchronous="NORMAL")
        embedder = {"provider": "hashing", "config": {"dimensions": 32}}
        self.memories = [
            Memory(self.folder / "memory.db", llm="rules", embedder=embedder, config=config) for _ in range(2)
        ]

    def teardown(self):
        self.thresholds.stop()
        for memory in self.memories:
            memory.close()
        shutil.rmtree(self.folder)

    @rule(which=either, user=users, run=st.sampled_from([None, "r"]), texts=st.lists(sentences, min_size=1, max_size=4))
    def add(self, which, user, run, texts):
        messages = [{"role": "user", "content": text} for text in texts]
        self.memories[which].add(messages, user_id=user, run_id=run, infer=False)

    @precondition(lambda self: self.records())
    @rule(
        which=either,
        pick=st.integers(0, 999),
        text=sentences,
        day=st.sampled_from([None, "2001-01-01", "2999-01-01"]),
    )
    def update(self, which, pick, text, day):
        self.memories[which].update(self.pick(pick), text, expiration_date=day)

    @precondition(lambda self: self.records())
    @rule(which=either, pick=st.integers(0, 999))
    def delete_and_sometimes_restore(self, which, pick):
        memory_id = self.pick(pick)
        self.memories[which].delete(memory_id)
        if pick % 2:
            self.memories[1 - which].rollback(memory_id)

    @rule(which=either, user=users)
    def delete_all(self, which, user):
        self.memories[which].delete_all(user_id=user)

    @precondition(lambda self: len(self.records()) > 6)
    @rule(which=either)
    def reset(self, which):
        self.memories[which].reset()

    @invariant()
    def both_indexes_equal_the_store(self):
        for memory in self.memories:
            runtime = memory.runtime
            fresh = MemoryIndex(runtime.engines.embedder.dimensions, vectors=ExactVectors(32))
            fresh.apply(runtime.store.index_batches(0))
            with runtime.live_index.lock:
                index = runtime.live_index.catch_up()
                assert content(index) == content(fresh)

    @rule(which=either, query=sentences, user=users)
    def the_signals_of_a_search_equal_a_plain_computation(self, which, query, user):
        memory = self.memories[which]
        for filters in (
            {"user_id": user},
            {"user_id": user, "run_id": "r"},
            {"user_id": "*", "text": {"contains": "a"}},
        ):
            found = memory.search(query, filters=filters, limit=1000, show_expired=True, explain=True)["results"]
            scores = [item["score"] for item in found]
            assert scores == sorted(scores, reverse=True)
            semantic, keyword = plain_signals(memory.runtime, query, parse_filter(filters))
            assert signal(found, "semantic") == pytest.approx(semantic, abs=1e-5)
            assert signal(found, "keyword") == pytest.approx(keyword, abs=1e-5)

    def records(self):
        return self.memories[0].runtime.store.select(MATCH_ALL)

    def pick(self, number):
        records = self.records()
        return records[number % len(records)].id


class TwoOnOneFileSorted(TwoOnOneFile):
    """The same where terms are found by sorting, as with thousands of candidates."""

    sort_from, max_unsorted = 0, 3


steps = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestTwoOnOneFile = pytest.mark.slow(TwoOnOneFile.TestCase)
TestTwoOnOneFile.settings = steps
TestTwoOnOneFileSorted = pytest.mark.slow(TwoOnOneFileSorted.TestCase)
TestTwoOnOneFileSorted.settings = steps


def content(index) -> dict:
    """Return by row what an index holds of the memories that are not deleted."""
    ids = defaultdict(set)
    for field in SCOPE_FIELDS:
        for name, positions in index.scopes.lists(field):
            for position in positions.tolist():
                ids[position].add((field, name))
    return {
        int(index.rows.values[position]): (
            index.vectors.matrix()[position].tobytes(),
            index.terms.terms_of(np.array([position])).tolist(),
            int(index.expires.values[position]),
            ids[position],
        )
        for position in np.flatnonzero(index.exists.values).tolist()
    }


def signal(found, name) -> dict[str, float]:
    return {item["id"]: item["score_details"][name] for item in found}


def plain_signals(runtime, query, matching) -> tuple[dict[str, float], dict[str, float]]:
    """Return the cosine and the keyword score of every memory that matches, computed one by one."""
    records = runtime.store.select(matching)
    query_vector = runtime.engines.embedder.embed([query])[0]
    cosines = {one.id: float(runtime.engines.embedder.embed([text_to_embed(one)])[0] @ query_vector) for one in records}
    wanted = set(hash_terms(stem_words(query)).tolist())
    documents = {one.id: Counter(terms_to_index(one, labels=attribute_labels(one.text)).tolist()) for one in records}
    lengths = {memory_id: sum(document.values()) for memory_id, document in documents.items()}
    mean = max(sum(lengths.values()) / len(records), 1.0) if records else 1.0
    having = {term: sum(1 for document in documents.values() if term in document) for term in wanted}
    idf = {term: math.log1p((len(records) - count + 0.5) / (count + 0.5)) for term, count in having.items()}
    keyword = {}
    for memory_id, document in documents.items():
        damping = K1 * (1 - B + B * lengths[memory_id] / mean)
        total = sum(idf[term] * document[term] * (K1 + 1) / (document[term] + damping) for term in wanted)
        keyword[memory_id] = min(total / sum(idf.values()), 1.0)
    return cosines, keyword
