"""Searches give the same results with any snapshot of the index: intact, old, damaged or missing."""

import json
import logging
import random
import shutil

import pytest

from holdfast import Memory
from holdfast.index import snapshot as snapshot_module
from holdfast.index.snapshot import snapshot_path


@pytest.fixture(autouse=True)
def _every_index_is_worth_keeping(monkeypatch):
    monkeypatch.setattr(snapshot_module, "_LEAST_MEMORIES", 1)


def open_memory(path):
    return Memory(path, llm="rules", embedder={"provider": "hashing", "config": {"dimensions": 64}})


def fill(path, *, start=0, count=50):
    with open_memory(path) as memory:
        for number in range(start, start + count):
            expires = {"expiration_date": "2001-01-01"} if number % 7 == 0 else {}
            memory.add(f"box {number} of word{number}", user_id=f"u{number % 3}", infer=False, **expires)
        listed = memory.get_all(user_id="u1")["results"]
        memory.update(listed[0]["id"], f"box reworded at {start}")
        memory.delete(listed[-1]["id"])
        return answers(memory)


def answers(memory):
    return [
        memory.search(query, user_id=user, limit=100, show_expired=expired)
        for query in ("box", "word31 reworded", "word52")
        for user in ("u0", "u1", "u2", "u3")
        for expired in (False, True)
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.db"


def check_answers(path, expected, *, used, caplog):
    """Check that the store answers as expected, and whether it used the snapshot."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="holdfast"), open_memory(path) as memory:
        assert answers(memory) == expected
        assert memory.doctor()["healthy"]
        assert bool(memory.runtime.live_index._snapshot_sequence) == used
    assert bool(caplog.messages) != used
    assert all("built from the store" in message for message in caplog.messages)


def test_an_intact_snapshot_is_used(path, caplog):
    expected = fill(path)
    assert snapshot_path(path).is_file()
    check_answers(path, expected, used=True, caplog=caplog)


def test_changes_since_the_snapshot_are_applied(path, caplog):
    fill(path)
    kept = snapshot_path(path).read_bytes()
    expected = fill(path, start=50)
    snapshot_path(path).write_bytes(kept)
    check_answers(path, expected, used=True, caplog=caplog)


def test_a_snapshot_from_before_a_reset_is_ignored(path, caplog):
    fill(path)
    kept = snapshot_path(path).read_bytes()
    with open_memory(path) as memory:
        memory.reset()
    expected = fill(path, count=20)
    snapshot_path(path).write_bytes(kept)
    check_answers(path, expected, used=False, caplog=caplog)


DAMAGES = {
    "empty": lambda _: b"",
    "one byte": lambda content: content[:1],
    "the magic alone": lambda content: content[:17],
    "half": lambda content: content[: len(content) // 2],
    "all but a byte": lambda content: content[:-1],
    "one byte more": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "zeros behind the magic": lambda content: content[:17] + bytes(len(content) - 17),
    "random bytes": lambda content: random.Random(1).randbytes(len(content)),
    "a pickle": lambda _: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot_is_ignored(path, damage, caplog):
    expected = fill(path)
    kept = snapshot_path(path)
    kept.write_bytes(DAMAGES[damage](kept.read_bytes()))
    check_answers(path, expected, used=False, caplog=caplog)


def test_a_snapshot_with_any_flipped_bit_is_ignored(path, caplog):
    expected, chance = fill(path), random.Random(2)
    content = snapshot_path(path).read_bytes()
    for place in [*range(0, 200, 20), *chance.sample(range(len(content)), 30), len(content) - 1]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        snapshot_path(path).write_bytes(damaged)
        check_answers(path, expected, used=False, caplog=caplog)


def test_another_stores_snapshot_is_ignored(path, tmp_path, caplog):
    fill(tmp_path / "other.db")
    expected = fill(path, start=30)
    shutil.copy(snapshot_path(tmp_path / "other.db"), snapshot_path(path))
    check_answers(path, expected, used=False, caplog=caplog)


@pytest.mark.parametrize("continues", [False, True])
def test_a_snapshot_ahead_of_a_restored_backup_is_ignored(path, tmp_path, caplog, continues):
    expected = fill(path)
    shutil.copy(path, tmp_path / "backup.db")
    fill(path, start=50)
    ahead = snapshot_path(path).read_bytes()
    shutil.copy(tmp_path / "backup.db", path)
    if continues:  # until another change has the number of the snapshot's last one
        expected = fill(path, start=200, count=60)
    snapshot_path(path).write_bytes(ahead)
    check_answers(path, expected, used=False, caplog=caplog)


def test_a_missing_snapshot_is_written_again(path):
    expected = fill(path)
    snapshot_path(path).unlink()
    with open_memory(path) as memory:
        assert answers(memory) == expected
    assert snapshot_path(path).is_file()


def test_a_snapshot_that_cannot_be_written_does_no_other_harm(path, caplog):
    snapshot_path(path).mkdir()
    expected = fill(path)
    assert "was not saved" in caplog.text
    with open_memory(path) as memory:
        assert answers(memory) == expected


def test_a_damaged_snapshot_is_replaced_by_an_intact_one(path, caplog):
    expected = fill(path)
    snapshot_path(path).write_bytes(b"rubbish")
    check_answers(path, expected, used=False, caplog=caplog)
    check_answers(path, expected, used=True, caplog=caplog)


# Content that does not fit the store, under a right checksum


def forge(path, change):
    """Change the arrays of the snapshot, and give it a right checksum."""
    content = snapshot_path(path).read_bytes()
    start = len(snapshot_module._MAGIC)
    size = int.from_bytes(content[start : start + 8], "little")
    header = json.loads(content[start + 8 : start + 8 + size])
    body = memoryview(content)[start + 8 + size : -4]
    arrays = {name: array.copy() for name, array in snapshot_module._read_arrays(header["arrays"], body).items()}
    change(header, arrays)
    header["arrays"] = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    parts = [snapshot_module._with_length(json.dumps(header).encode()), *(a.tobytes() for a in arrays.values())]
    snapshot_module._write_with_checksum(snapshot_path(path), parts)


def exchange(name):
    """Swap the first two different items of an array."""

    def change(_, arrays):
        array = arrays[name]
        other = next(place for place in range(len(array)) if (array[place] != array[0]).any())
        array[[0, other]] = array[[other, 0]]

    return change


@pytest.mark.parametrize("name", ["codes", "vectors", "words", "expires"])
def test_doctor_finds_what_is_exchanged_in_a_snapshot_and_repairs_it(path, name):
    expected = fill(path)
    forge(path, exchange(name))
    with open_memory(path) as memory:
        assert not memory.doctor()["healthy"]
        memory.doctor(repair=True)
        assert memory.doctor()["healthy"]
        assert answers(memory) == expected


def test_doctor_finds_an_exchanged_snapshot_while_the_index_in_memory_is_right(path):
    fill(path)
    with open_memory(path) as memory:
        memory.search("box", user_id="u0")
        forge(path, exchange("codes"))
        (problem,) = memory.doctor(repair=True)["problems"]
        assert "snapshot" in problem["problem"]
        assert memory.doctor()["healthy"]


FORGERIES = {
    "rows that do not ascend": lambda _, arrays: arrays.update(rows=arrays["rows"][::-1]),
    "fewer rows": lambda _, arrays: arrays.update(rows=arrays["rows"][:-1]),
    "narrow vectors": lambda _, arrays: arrays.update(vectors=arrays["vectors"][:, :32]),
    "vectors that are no numbers": lambda _, arrays: arrays["vectors"].fill(float("nan")),
    "ids beyond the names": lambda _, arrays: arrays["codes"].fill(1_000_000),
    "ids below zero": lambda _, arrays: arrays["codes"].fill(-1),
    "lengths that are too large": lambda _, arrays: arrays["lengths"].fill(1_000_000),
    "lengths below zero": lambda _, arrays: arrays["lengths"].fill(-1),
    "names that are no text": lambda header, _: header.update(names=[[]] * len(header["names"])),
    "no names": lambda header, _: header.update(names=None),
    "a part that is missing": lambda _, arrays: arrays.pop("words"),
    "another type of numbers": lambda _, arrays: arrays.update(speakers=arrays["speakers"].astype("f8")),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_snapshot_whose_parts_do_not_fit_together_is_ignored(path, forgery, caplog):
    expected = fill(path)
    forge(path, FORGERIES[forgery])
    check_answers(path, expected, used=False, caplog=caplog)
