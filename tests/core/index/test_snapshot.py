"""A snapshot that is read back equals what was written, and one that is damaged or of another store is refused."""

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from tests.contracts.index.plain_store import (
    DIMENSIONS,
    PlainStore,
    Row,
    carry_out,
    contents_of,
    expected_contents,
    histories,
    stores,
    unit_vectors,
)
from tests.contracts.index.subject import examples

from holdfast.index import snapshot
from holdfast.index.memory_index import MemoryIndex
from holdfast.index.snapshot import load_snapshot, save_snapshot
from holdfast.scope import Scope


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where a snapshot is saved, however small the index is."""
    monkeypatch.setattr(snapshot, "_LEAST_MEMORIES", 0)
    return tmp_path / "memory.db.index"


def index_of(store):
    index = MemoryIndex(DIMENSIONS)
    index.apply(store.index_batches(0))
    return index


@pytest.fixture
def store():
    store = PlainStore()
    for number, vector in enumerate(unit_vectors(20, 1)):
        store.insert(Row(Scope(user_id=f"user {number % 3}"), tuple(vector.tolist()), terms=(number % 5, 1)))
    return store


@examples
@given(store=stores, later=histories)
def test_a_loaded_snapshot_equals_the_index_and_follows_the_store(path, store, later):
    written = index_of(store)
    assume(written.sequence)
    assert save_snapshot(path, written, store, since=0)
    loaded = load_snapshot(path, store, dimensions=DIMENSIONS)
    assert (loaded.sequence, len(loaded)) == (written.sequence, len(written))
    assert contents_of(loaded) == contents_of(written)
    for ids in ({"user_id": "a"}, {"run_id": "b", "app_id": "a"}):
        rows = [one.rows_at(one.filter_current(one.find_positions(ids), today=None)) for one in (loaded, written)]
        assert np.array_equal(*rows)
    for step in later:
        carry_out(store, step)
    loaded.apply(store.index_batches(loaded.sequence))
    assert contents_of(loaded) == expected_contents(store)
    assert loaded.describe_difference(index_of(store)) is None


def test_deleted_rows_are_not_saved(path, store):
    store.delete(3)
    save_snapshot(path, index_of(store), store, since=0)
    loaded = load_snapshot(path, store, dimensions=DIMENSIONS)
    assert (len(loaded), loaded.deleted_count) == (19, 0)
    assert len(loaded.find_positions({})) == 19


@examples
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused(path, place, bit):
    store = PlainStore()
    store.insert(Row(Scope(user_id="ana"), tuple(unit_vectors(1, 1)[0].tolist()), terms=(1, 2)))
    save_snapshot(path, index_of(store), store, since=0)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    assert load_snapshot(path, store, dimensions=DIMENSIONS) is None


@examples
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_snapshot_is_refused(path, share):
    store = PlainStore()
    store.insert(Row(Scope(user_id="ana"), tuple(unit_vectors(1, 1)[0].tolist()), terms=(1, 2)))
    save_snapshot(path, index_of(store), store, since=0)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert load_snapshot(path, store, dimensions=DIMENSIONS) is None


def test_a_snapshot_of_another_store_or_other_vectors_is_refused(path, store):
    class OtherStore(PlainStore):
        def get_setting(self, name):
            return f"another {name}"

    save_snapshot(path, index_of(store), store, since=0)
    other = OtherStore()
    other.sequence = store.sequence
    assert load_snapshot(path, other, dimensions=DIMENSIONS) is None
    assert load_snapshot(path, store, dimensions=DIMENSIONS + 1) is None
    assert load_snapshot(path, store, dimensions=DIMENSIONS) is not None


def test_a_snapshot_with_changes_that_the_store_does_not_have_is_refused(path, store):
    save_snapshot(path, index_of(store), store, since=0)
    store.sequence -= 1
    assert load_snapshot(path, store, dimensions=DIMENSIONS) is None


def test_a_snapshot_is_written_only_when_it_saves_time(path, store, monkeypatch):
    index = index_of(store)
    assert not save_snapshot(path, index, store, since=19)  # one change in 20: read from the store
    assert save_snapshot(path, index, store, since=18)
    monkeypatch.setattr(snapshot, "_LEAST_MEMORIES", 21)
    assert not save_snapshot(path, index, store, since=0)


def test_a_missing_snapshot_is_none(path, store):
    assert load_snapshot(path, store, dimensions=DIMENSIONS) is None
