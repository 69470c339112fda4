"""A damaged file raises: it is never an empty store and never returns changed data."""

import itertools
import random
import uuid

import pytest
from tests.torture.damages import EXCHANGES, FLIPS, damage_files

from holdfast import Memory
from holdfast.errors import HoldfastError, NotFound, StorageError

# Ids of users and words that are one bit apart, so that a flipped bit can turn one into another.
USERS = ("u0", "u1", "u2", "u3")
BITS = 240


def open_memory(path):
    return Memory(path, llm="rules", embedder={"provider": "hashing", "config": {"dimensions": 64}})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a store, and its memories and histories by id."""
    path, chance = tmp_path_factory.mktemp("whole") / "memory.db", random.Random(6)
    with open_memory(path) as memory:
        memory.runtime.new_id = lambda: str(uuid.UUID(int=chance.getrandbits(128)))
        memory.runtime.clock = itertools.count(1_700_000_000_000_000, 1_000_000).__next__
        for number in range(60):
            memory.add(
                f"{USERS[number % 4]} keeps number {number} in box{number % 7}",
                user_id=USERS[number % 4],
                metadata={"number": number, "box": f"b{number % 7}"},
                infer=False,
            )
        memory.add("I live in Berlin.", user_id="u0")
        ids = [item["id"] for item in memory.get_all(user_id="u1")["results"]]
        for memory_id in ids[:3]:
            memory.update(memory_id, f"u1 changed {memory_id[:4]}")
        memory.delete(ids[4])
        known = {item["id"]: item for item in memory.get_all(filters={"user_id": "*"}, limit=1000)["results"]}
        histories = {memory_id: memory.history(memory_id) for memory_id in [*known, ids[4]]}
    return path.read_bytes(), known, histories


# The file as a whole


def cut(length):
    return lambda content: content[:length] if length >= 0 else content[: len(content) + length]


def overwritten(start, length, filling):
    def damage(content):
        return content[:start] + filling(length) + content[start + length :]

    return damage


RUINS = {
    "empty": cut(0),
    "one byte": cut(1),
    "half the magic": cut(8),
    "half the header": cut(50),
    "the header alone": cut(100),
    "one sector": cut(512),
    "half a page": cut(4096),
    "one page": cut(8192),
    "two pages": cut(16384),
    "all but a page": cut(-8192),
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "random bytes": lambda content: random.Random(1).randbytes(len(content)),
    "text": lambda _: b"These are my notes.\n" * 1000,
    "header of zeros": overwritten(0, 100, bytes),
    "header of random bytes": overwritten(0, 100, random.Random(2).randbytes),
    "first page of zeros": overwritten(0, 8192, bytes),
    "schema of zeros": overwritten(100, 8092, bytes),
    "schema of random bytes": overwritten(100, 8092, random.Random(3).randbytes),
}


@pytest.mark.parametrize("ruin", RUINS)
def test_a_ruined_file_raises_a_storage_error_and_is_not_changed(whole, tmp_path, ruin):
    content, known, _ = whole
    path = tmp_path / "memory.db"
    damaged = RUINS[ruin](content)
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=r"memory\.db"):
        check_complete(path, known)
    assert path.read_bytes() == damaged


def check_complete(path, known):
    with open_memory(path) as memory:
        kept = memory.get_all(filters={"user_id": "*"}, limit=1000)["results"]
        assert len(kept) == len(known), "an incomplete store is shown as if it were whole"


@pytest.mark.parametrize("missing", [1, 512, 4096, 8191])
def test_a_truncated_file_never_gives_wrong_answers(whole, tmp_path, missing):
    content, known, histories = whole
    path = tmp_path / "memory.db"
    path.write_bytes(content[:-missing])
    check_honest(path, known, histories, f"without its last {missing} bytes")


@pytest.mark.parametrize("filling", [bytes, random.Random(4).randbytes], ids=["zeros", "random bytes"])
def test_a_ruined_page_is_reported_wherever_it_is(whole, tmp_path, filling):
    content, known, histories = whole
    path = tmp_path / "memory.db"
    for start in range(8192, len(content), 8192):
        path.write_bytes(overwritten(start, 8192, filling)(content))
        check_honest(path, known, histories, f"page at {start}")


# Single bits


def offsets(content, known):
    """Return bits all over the file: half of them anywhere, half of them inside stored values."""
    chance = random.Random(5)
    filled = [place for place, byte in enumerate(content) if byte]
    places = chance.sample(filled, BITS // 2)
    wanted = [*(item["memory"] for item in known.values()), "u0", "u1", "Berlin", '"box"', *list(known)]
    for piece in chance.sample(wanted, min(BITS // 4, len(wanted))):
        places += all_places(content, piece.encode(), chance)
    return [(place, 1 << chance.randrange(8)) for place in sorted(set(places))]


def all_places(content, piece, chance):
    found, start = [], content.find(piece)
    while start >= 0:
        found.append(start + chance.randrange(len(piece)))
        start = content.find(piece, start + 1)
    return chance.sample(found, min(2, len(found)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_flipped_bit_is_never_returned_as_data(whole, tmp_path, part):
    content, known, histories = whole
    path = tmp_path / "memory.db"
    for place, bit in offsets(content, known)[part::4]:
        damaged = bytearray(content)
        damaged[place] ^= bit
        path.write_bytes(damaged)
        # The first page holds the table definitions: damage there is found but cannot be repaired.
        check_honest(path, known, histories, f"bit {bit} of byte {place}", repairable=place >= 8192)


@pytest.mark.slow
def test_a_damaged_scope_never_gives_a_memory_to_another_user(whole, tmp_path):
    content, known, histories = whole
    path = tmp_path / "memory.db"
    place = content.find(b"u2")
    while place >= 0:
        path.write_bytes(content[:place] + b"u3" + content[place + 2 :])
        check_honest(path, known, histories, f"u3 instead of u2 at {place}")
        place = content.find(b"u2", place + 1)


def check_honest(path, known, histories, where, *, repairable=True):
    """Check that a damaged store returns nothing wrong, that doctor reports the damage, and that a repair works."""
    try:
        memory = open_memory(path)
    except StorageError:
        return
    with memory:
        errors = [error for error in [*reading(memory, known, histories, where)] if error]
        try:
            diagnosis = memory.doctor(repair=True)
        except StorageError:
            return
        if errors:  # the damage was found and can be repaired
            assert not diagnosis["healthy"], f"{where}: {errors[0]}, and doctor finds nothing"
        if repairable:
            check_works(memory, where)


def reading(memory, known, histories, where):
    """Yield the error of each read, `None` for none; fail at once if a read returns a changed memory."""
    for user in USERS:
        expected = {memory_id: item for memory_id, item in known.items() if item["user_id"] == user}
        yield listed(lambda user=user: memory.get_all(user_id=user, limit=1000), expected, where)
        yield listed(lambda user=user: memory.search("number box", user_id=user, limit=1000), expected, where)
        box = {memory_id: item for memory_id, item in expected.items() if (item["metadata"] or {}).get("box") == "b3"}
        yield listed(lambda user=user: memory.get_all(user_id=user, filters={"box": "b3"}), box, where)
    for memory_id, item in known.items():
        yield single(lambda memory_id=memory_id: memory.get(memory_id), item, where)
    for memory_id, history in histories.items():
        yield single(lambda memory_id=memory_id: memory.history(memory_id), history, where)


def listed(read, expected, where):
    try:
        found = {item["id"]: item for item in read()["results"]}
    except StorageError as error:
        return error
    for memory_id, item in found.items():
        shown = {name: value for name, value in item.items() if name != "score"}
        assert shown == expected.get(memory_id), f"{where}: a damaged memory is returned"
    return None if len(found) == len(expected) else "memories are missing"


def single(read, expected, where):
    try:
        found = read()
    except (StorageError, NotFound) as error:
        return error
    if found is None:
        return "a memory is missing"
    if isinstance(found, list) and len(found) < len(expected):
        return "versions are missing"
    assert found == expected, f"{where}: a damaged memory is returned"
    return None


def check_works(memory, where):
    try:
        (added,) = memory.add("after the repair", user_id="u9", infer=False)["results"]
        assert memory.search("repair", user_id="u9")["results"][0]["id"] == added["id"]
        for user in USERS:
            assert memory.search("number", user_id=user)["results"]
            assert memory.get_all(user_id=user)["results"]
        memory.add("I live in Lisbon.", user_id="u0")
    except HoldfastError as error:
        pytest.fail(f"{where}: not repaired: {type(error).__name__}: {error}")


def test_a_rollback_never_restores_a_damaged_version(tmp_path):
    path = tmp_path / "memory.db"
    with open_memory(path) as memory:
        (added,) = memory.add("the code is AAAA", user_id="ana", infer=False)["results"]
        memory.update(added["id"], "the code was changed")
    content = path.read_bytes()
    assert content.count(b"the code is AAAA") == 1
    path.write_bytes(content.replace(b"the code is AAAA", b"the code is AAAB"))
    with open_memory(path) as memory:
        with pytest.raises(StorageError, match="damaged"):
            memory.rollback(added["id"])
        assert memory.get(added["id"])["memory"] == "the code was changed"


@pytest.mark.slow
@pytest.mark.parametrize("ways", [FLIPS, EXCHANGES], ids=["flipped bits", "cut, removed or exchanged files"])
def test_damage_to_the_file_its_log_or_its_snapshot_is_never_returned_as_data(tmp_path, ways):
    tally = damage_files(tmp_path, kind="damage", ways=ways, count=28, seed=1)
    assert tally.is_clean, tally.failures()
