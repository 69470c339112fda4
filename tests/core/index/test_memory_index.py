"""The index is nothing but the store, seen from another side: it agrees with the plainest computation there is."""

import math
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.contracts.index_contract import IndexContract

from holdfast import Config, Memory
from holdfast.filters import MATCH_ALL, parse_filter
from holdfast.index import postings
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.postings import TermTable
from holdfast.index.scopes import ScopePositions
from holdfast.index.vectors import ExactVectors, FaissVectors
from holdfast.operations.index_entries import slot_names
from holdfast.retrieval.bm25 import K1, B
from holdfast.retrieval.fusion import top_places
from holdfast.retrieval.index_text import terms_to_index, text_to_embed
from holdfast.retrieval.tokenize import hash_terms, stem_words
from holdfast.scope import SCOPE_FIELDS, Scope


class TestFaissVectors(IndexContract):
    def vectors(self, dimensions):
        return FaissVectors(dimensions)


class TestExactVectors(IndexContract):
    def vectors(self, dimensions):
        return ExactVectors(dimensions)


# Words

few_terms = st.lists(st.integers(1, 6), max_size=6).map(lambda ids: np.array(ids, dtype=np.uint32))
table_changes = st.lists(
    st.one_of(st.lists(few_terms, max_size=4), st.tuples(st.integers(0, 99), few_terms)),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize(("many", "tail"), [(10**9, 0), (0, 0), (0, 3), (5, 10**9)], ids=str)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=table_changes, query=few_terms, data=st.data())
def test_words_are_counted_right_however_they_are_looked_up(many, tail, changes, query, data):
    with mock.patch.multiple(postings, _SORT_FROM_CANDIDATES=many, _MAX_UNSORTED=tail):
        table, plain = TermTable(), []
        for change in changes:
            if isinstance(change, list):
                table.extend(change)
                plain += change
            elif plain:
                table.replace(change[0] % len(plain), change[1])
                plain[change[0] % len(plain)] = change[1]
            chosen = data.draw(st.sets(st.sampled_from(range(len(plain))))) if plain else set()
            check_hits(table, plain, query, np.array(sorted(chosen), dtype=np.int64))
            check_hits(table, plain, query, np.arange(len(plain), dtype=np.int64))


def check_hits(table, plain, query, positions):
    found = table.find_postings(query, positions)
    distinct = sorted(set(query.tolist()))
    assert len(found) == len(distinct)
    for term, hits in zip(distinct, found, strict=True):
        counts = [int((plain[position] == term).sum()) for position in positions]
        expected = [(place, count) for place, count in enumerate(counts) if count]
        assert list(zip(hits.places.tolist(), hits.counts.tolist(), strict=True)) == expected


# Scopes

names = st.sampled_from([None, "a", "b", "c"])
scopes = st.builds(Scope, user_id=names, agent_id=names, run_id=names, app_id=names)


@settings(deadline=None)
@given(batches=st.lists(st.lists(scopes, max_size=8), max_size=4), asked=scopes.filter(lambda scope: scope.ids()))
def test_the_lists_of_a_scope_are_those_who_carry_its_ids(batches, asked):
    lists, plain = ScopePositions(), []
    for batch in batches:
        lists.extend(batch, start=len(plain))
        plain += batch
    expected = [
        position
        for position, scope in enumerate(plain)
        if all(getattr(scope, field) == value for field, value in asked.ids().items())
    ]
    assert lists.find(asked.ids()).tolist() == expected


# The best


@settings(deadline=None)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), max_size=3000).map(lambda s: np.array(s, np.float32)),
    limit=st.integers(1, 20),
    threshold=st.sampled_from([0.0, 0.25, 0.9]),
)
def test_the_best_are_the_highest_and_of_equals_the_newest(scores, limit, threshold):
    ranked = sorted(range(len(scores)), key=lambda place: (-scores[place], -place))
    expected = [place for place in ranked if scores[place] >= np.float32(threshold)][:limit]
    assert top_places(scores, limit, threshold=threshold).tolist() == expected


# The whole of it

users = st.sampled_from(["ana", "ben", "carl"])
said = st.lists(st.sampled_from("tea cat dog berlin red blue".split()), min_size=1, max_size=5).map(" ".join)
which = st.integers(0, 1)


class TwoOnOneFile(RuleBasedStateMachine):
    """Two memories on one file, changed at random: both indexes always tell what one built anew would."""

    many, tail = 10**9, 0

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sizes = mock.patch.multiple(postings, _SORT_FROM_CANDIDATES=self.many, _MAX_UNSORTED=self.tail)
        self.sizes.start()
        config = Config(synchronous="NORMAL")
        embedder = {"provider": "hashing", "config": {"dimensions": 32}}
        self.faces = [
            Memory(self.folder / "memory.db", llm="rules", embedder=embedder, config=config) for _ in range(2)
        ]

    def teardown(self):
        self.sizes.stop()
        for face in self.faces:
            face.close()
        shutil.rmtree(self.folder)

    @rule(face=which, user=users, run=st.sampled_from([None, "r"]), texts=st.lists(said, min_size=1, max_size=4))
    def add(self, face, user, run, texts):
        messages = [{"role": "user", "content": text} for text in texts]
        self.faces[face].add(messages, user_id=user, run_id=run, infer=False)

    @precondition(lambda self: self.records())
    @rule(
        face=which,
        pick=st.integers(0, 999),
        text=said,
        day=st.sampled_from([None, "2001-01-01", "2999-01-01"]),
    )
    def update(self, face, pick, text, day):
        self.faces[face].update(self.picked(pick), text, expiration_date=day)

    @precondition(lambda self: self.records())
    @rule(face=which, pick=st.integers(0, 999))
    def delete_and_perhaps_regret(self, face, pick):
        memory_id = self.picked(pick)
        self.faces[face].delete(memory_id)
        if pick % 2:
            self.faces[1 - face].rollback(memory_id)

    @rule(face=which, user=users)
    def delete_all(self, face, user):
        self.faces[face].delete_all(user_id=user)

    @precondition(lambda self: len(self.records()) > 6)
    @rule(face=which)
    def reset(self, face):
        self.faces[face].reset()

    @invariant()
    def both_indexes_are_what_the_store_says(self):
        for face in self.faces:
            runtime = face.runtime
            fresh = MemoryIndex(runtime.engines.embedder.dimensions, vectors=ExactVectors(32))
            fresh.apply(runtime.store.index_batches(0))
            with runtime.lock:
                assert content(runtime.index()) == content(fresh)

    @rule(face=which, asked=said, user=users)
    def the_signals_of_a_search_are_the_plain_computation(self, face, asked, user):
        memory = self.faces[face]
        for filters in (
            {"user_id": user},
            {"user_id": user, "run_id": "r"},
            {"user_id": "*", "text": {"contains": "a"}},
        ):
            found = memory.search(asked, filters=filters, limit=1000, show_expired=True, explain=True)["results"]
            scores = [item["score"] for item in found]
            assert scores == sorted(scores, reverse=True)
            semantic, keyword = by_hand(memory.runtime, asked, parse_filter(filters))
            assert signal(found, "semantic") == pytest.approx(semantic, abs=1e-5)
            assert signal(found, "keyword") == pytest.approx(keyword, abs=1e-5)

    def records(self):
        return self.faces[0].runtime.store.select(MATCH_ALL)

    def picked(self, number):
        records = self.records()
        return records[number % len(records)].id


class TwoOnOneFileSorted(TwoOnOneFile):
    """The same, where words are looked up in the sorted column that large scopes use."""

    many, tail = 0, 3


steps = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestTwoOnOneFile = pytest.mark.slow(TwoOnOneFile.TestCase)
TestTwoOnOneFile.settings = steps
TestTwoOnOneFileSorted = pytest.mark.slow(TwoOnOneFileSorted.TestCase)
TestTwoOnOneFileSorted.settings = steps


def content(index) -> dict:
    """Return what an index knows of each row that is alive."""
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


def by_hand(core, asked, matching) -> tuple[dict[str, float], dict[str, float]]:
    """Return the cosine and the keyword score of every memory that matches, computed one by one."""
    records = core.store.select(matching)
    query = core.engines.embedder.embed([asked])[0]
    cosines = {one.id: float(core.engines.embedder.embed([text_to_embed(one)])[0] @ query) for one in records}
    wanted = set(hash_terms(stem_words(asked)).tolist())
    documents = {one.id: Counter(terms_to_index(one, slots=slot_names(one.text)).tolist()) for one in records}
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
