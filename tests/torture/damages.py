"""Files with flipped bits, cut, removed, exchanged and restored: every read is right, or an error says so."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.calls import SHARED, new_ids, open_memory, perform, plan
from tests.torture.ledger import Ledger
from tests.torture.processes import PROCESSES
from tests.torture.tally import Progress, Tally
from tests.torture.writer import describe

from holdfast.errors import ConfigError, HoldfastError, StorageError
from holdfast.index import snapshot

Items = Mapping[str, Mapping[str, Any]]

FILE, LOG, SHARED_MEMORY, SNAPSHOT = "", "-wal", "-shm", ".index"
_PAGE = 4096  # bytes, as the store makes them
_PER_STORE = 200  # damages of one store
_DEFINITIONS = "SELECT type, name, tbl_name, sql FROM sqlite_master"


@dataclass
class Image:
    """A store as a killed process leaves it: the file, its log and its snapshot.

    Attributes:
        files: The bytes of each file, by suffix.
        older: The file alone, as it was closed before the calls that are in the log; it holds `states[0]`.
        newer: The file alone, as it was closed after them; it holds `states[-1]`.
        states: What the store held after each of these calls, oldest first.
        histories: The versions of each memory in the last state.
        definitions: How its tables and indexes are defined.
        definition_pages: The pages of these definitions, in which nothing can be written once they are damaged.
    """

    files: Mapping[str, bytes]
    older: bytes
    newer: bytes
    states: list[Items]
    histories: Mapping[str, Any]
    definitions: list[tuple[str, ...]]
    definition_pages: frozenset[int]


@dataclass(frozen=True)
class Damage:
    """What was done to the files, and what they may hold now.

    Attributes:
        files: Their bytes by suffix, in the order in which they came there.
        allowed: The states of which one must be shown whole, unless an error or `doctor` says otherwise.
        must_be_whole: Whether nothing may be reported either: the damaged file was no more than a cache.
        is_repairable: Whether `doctor(repair=True)` must succeed if SQLite can read the file.
        salvaged: States of which a repair may keep memories, besides the allowed ones.
    """

    name: str
    files: Mapping[str, bytes]
    allowed: Sequence[Items]
    must_be_whole: bool = False
    is_repairable: bool = True
    salvaged: Sequence[Items] = ()


def make_image(path: Path, writer: str, seed: int) -> Image:
    """Make a store with every kind of row, of which the last calls are in the log only."""
    snapshot._LEAST_MEMORIES = 1  # every index is worth keeping here
    ledger, chance = Ledger(writer), random.Random(seed)
    moments = itertools.count(1_700_000_000_000_000, 1_000_000)
    with _open_repeatable(path, chance, moments) as memory:
        _write(memory, ledger, chance, 60)
    older = path.read_bytes()
    with _open_repeatable(path, chance, moments) as memory:
        states = [_items(memory)]
        for _ in range(12):
            _write(memory, ledger, chance, 1)
            states.append(_items(memory))
        histories = {memory_id: memory.history(memory_id) for memory_id in states[-1]}
        files = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in (FILE, LOG)}
    files[SNAPSHOT] = Path(f"{path}{SNAPSHOT}").read_bytes()
    return Image(files, older, path.read_bytes(), states, histories, read_definitions(path), _definition_pages(path))


def _definition_pages(path: Path) -> frozenset[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            found = connection.execute("SELECT pageno FROM dbstat WHERE name IN ('sqlite_schema', 'sqlite_master')")
            return frozenset(page for (page,) in found) | {1}
        except sqlite3.OperationalError:  # this build of SQLite cannot say
            return frozenset({1, *range(20, 26)})


def _open_repeatable(path: Path, chance: random.Random, moments: Iterator[int]):
    """Open the store with ids and times that are the same in every run."""
    memory = open_memory(path)
    memory.runtime.new_id = lambda: str(uuid.UUID(int=chance.getrandbits(128)))
    memory.runtime.clock = moments.__next__
    return memory


def _write(memory, ledger: Ledger, chance: random.Random, count: int) -> None:
    names = [name for name in SHARED if name not in ("reembed", "doctor", "forget", "prune_history", "delete_users")]
    for _ in range(count):
        call = plan(ledger, chance, [*names, "add", "put"])
        if call.erased:  # the file is written again, and the log is empty afterwards
            continue
        ledger.start(call)
        ledger.acknowledge(new_ids(call, perform(memory, call)))


def _items(memory) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in memory.get_all(filters={"user_id": "*"}, limit=1_000_000)["results"]}


# What is done to the files


def flip_bits(image: Image, _: Image, chance: random.Random) -> Damage:
    """Flip one bit, one time in four up to eight: in the file, the log or the snapshot."""
    suffix = chance.choice((FILE, FILE, FILE, FILE, LOG, SNAPSHOT))
    if suffix == LOG:
        files = {FILE: image.files[FILE], LOG: image.files[LOG]}
    else:
        files = {FILE: image.newer, SNAPSHOT: image.files[SNAPSHOT]}
    content = bytearray(files[suffix])
    filled = [place for place in chance.sample(range(len(content)), 400) if content[place]] or [0]
    places = chance.sample(filled, min(len(filled), 1 if chance.random() < 0.75 else chance.randrange(2, 9)))
    for place in places:
        content[place] ^= 1 << chance.randrange(8)
    files[suffix] = bytes(content)
    return Damage(
        f"bits of bytes {places} of {_name(suffix)}",
        files,
        image.states if suffix == LOG else image.states[-1:],
        must_be_whole=suffix == SNAPSHOT,
        is_repairable=image.definition_pages.isdisjoint(place // _PAGE + 1 for place in places),
    )


def cut_file(image: Image, _: Image, chance: random.Random) -> Damage:
    length = chance.randrange(len(image.files[FILE]))
    files = {FILE: image.newer[:length]}
    return Damage(f"the file cut to {length:,} bytes", files, image.states[-1:], is_repairable=False)


def cut_file_with_log(image: Image, _: Image, chance: random.Random) -> Damage:
    length = chance.randrange(len(image.files[FILE]))
    files = {FILE: image.files[FILE][:length], LOG: image.files[LOG]}
    return Damage(f"the file cut to {length:,} bytes beside its log", files, image.states[-1:], is_repairable=False)


def cut_log(image: Image, _: Image, chance: random.Random) -> Damage:
    length = chance.randrange(len(image.files[LOG]))
    files = {FILE: image.files[FILE], LOG: image.files[LOG][:length]}
    return Damage(f"the log cut to {length:,} bytes", files, image.states)


def cut_snapshot(image: Image, _: Image, chance: random.Random) -> Damage:
    length = chance.randrange(len(image.files[SNAPSHOT]))
    files = {FILE: image.newer, SNAPSHOT: image.files[SNAPSHOT][:length]}
    return Damage(f"the snapshot cut to {length:,} bytes", files, image.states[-1:], must_be_whole=True)


def remove_log(image: Image, _: Image, __: random.Random) -> Damage:
    return Damage("the log removed", {FILE: image.files[FILE]}, image.states)


def remove_snapshot(image: Image, _: Image, __: random.Random) -> Damage:
    files = {FILE: image.files[FILE], LOG: image.files[LOG]}
    return Damage("the snapshot removed", files, image.states[-1:], must_be_whole=True)


def spoil_shared_memory(image: Image, _: Image, chance: random.Random) -> Damage:
    files = {FILE: image.files[FILE], LOG: image.files[LOG], SHARED_MEMORY: chance.randbytes(chance.randrange(65536))}
    return Damage("another -shm", files, image.states[-1:], must_be_whole=True)


def exchange_snapshot(image: Image, other: Image, _: random.Random) -> Damage:
    files = {FILE: image.newer, SNAPSHOT: other.files[SNAPSHOT]}
    return Damage("the snapshot of another store", files, image.states[-1:], must_be_whole=True)


def exchange_log(image: Image, other: Image, _: random.Random) -> Damage:
    files = {FILE: image.files[FILE], LOG: other.files[LOG]}
    # `doctor` finds it. A repair sorts the pages; the rows of the other store are whole, and stay that of its users.
    return Damage("the log of another store", files, image.states, is_repairable=False, salvaged=other.states)


def exchange_file(image: Image, other: Image, _: random.Random) -> Damage:
    files = {LOG: image.files[LOG], SNAPSHOT: image.files[SNAPSHOT], FILE: other.newer}
    return Damage("the file of another store", files, other.states[-1:])


def exchange_file_and_log(image: Image, other: Image, _: random.Random) -> Damage:
    files = {FILE: other.files[FILE], LOG: other.files[LOG], SNAPSHOT: image.files[SNAPSHOT]}
    return Damage("the file and the log of another store", files, other.states[-1:], must_be_whole=True)


def restore_backup(image: Image, _: Image, __: random.Random) -> Damage:
    files = {FILE: image.older, SNAPSHOT: image.files[SNAPSHOT]}
    return Damage("an older backup beside a newer snapshot", files, image.states[:1], must_be_whole=True)


def restore_backup_over_log(image: Image, _: Image, chance: random.Random) -> Damage:
    keep = {SNAPSHOT: image.files[SNAPSHOT]} if chance.random() < 0.5 else {}
    files = {LOG: image.files[LOG], **keep, FILE: image.newer}
    return Damage("a newer backup beside an older log", files, image.states[-1:])


EXCHANGES = (
    *(cut_file, cut_file_with_log, cut_log, cut_log, cut_snapshot, remove_log, remove_snapshot, spoil_shared_memory),
    *(exchange_snapshot, exchange_log, exchange_file, exchange_file_and_log, restore_backup, restore_backup_over_log),
)
FLIPS = (flip_bits,)

Damaging = Callable[[Image, Image, random.Random], Damage]


def damage_files(folder: Path, *, kind: str, ways: Sequence[Damaging], count: int, seed: int) -> Tally:
    """Damage the files of a store `count` times, each time from whole ones, on both cores."""
    tally = Tally(kind)
    progress = Progress(tally, count)
    parts = [(folder, kind, ways, seed, first, min(first + _PER_STORE, count)) for first in range(0, count, _PER_STORE)]
    with PROCESSES.Pool(2) as pool:
        for part in pool.imap_unordered(_damage_part, parts):
            tally.add(part)
            progress.show()
    return tally


def _damage_part(part: tuple[Path, str, Sequence[Damaging], int, int, int]) -> Tally:
    folder, kind, ways, seed, first, last = part
    tally = Tally(kind)
    place = folder / f"part{first}"
    place.mkdir()
    image, other = (make_image(place / f"{name}.db", name, seed * 1_000_003 + first) for name in ("one", "two"))
    for number in range(first, last):
        chance = random.Random(seed * 1_000_003 + number)
        damage = ways[number % len(ways)](image, other, chance)
        where = f"seed {seed}, number {number}, {damage.name}"
        try:
            examine(place / f"damaged{number}" / "memory.db", damage, image, tally, where)
        except Exception as error:  # noqa: BLE001 - only our own errors may come out
            tally.report([], [describe(error)], where)
        tally.tried += 1
        shutil.rmtree(place / f"damaged{number}")
    shutil.rmtree(place)
    return tally


# What must hold then


def examine(path: Path, damage: Damage, image: Image, tally: Tally, where: str) -> None:
    """Read a damaged store in every way, let `doctor` look at it, and repair it."""
    path.parent.mkdir()
    for suffix, content in damage.files.items():
        if suffix == FILE and path.parent.joinpath(path.name + LOG).exists():
            time.sleep(0.01)  # a file that is put beside a log is newer than it, on any clock
        Path(f"{path}{suffix}").write_bytes(content)
    try:
        memory = open_memory(path)
    except HoldfastError as error:
        tally.checked["refused to open"] += 1
        if damage.must_be_whole:
            tally.report([], [describe(error)], where)
        return
    with memory:
        seen: dict[str, Any] = {}
        errors = [error for error in _read(memory, damage, image, seen) if error]
        right = {(one, repr(item)) for state in damage.allowed for one, item in state.items()}
        changed = [f"{item} was never stored" for one, item in seen.items() if (one, repr(item)) not in right]
        tally.report([], changed, where)
        try:
            problems = memory.doctor()["problems"]
        except StorageError as error:
            problems = [error]
        if damage.must_be_whole and (errors or problems):
            tally.report([], [f"{errors[:3]} {problems[:3]}"], where)
        if errors and not problems:
            tally.report([], [f"{errors[0]}, and doctor finds nothing"], where)
        if not problems and not any(state == seen for state in damage.allowed):
            tally.report([f"{_nearest(seen, damage.allowed)} missing, and doctor finds nothing"], [], where)
        if problems:
            tally.checked["found by doctor"] += 1
            right |= {(one, repr(item)) for state in damage.salvaged for one, item in state.items()}
            _repair(memory, damage, image, right, tally, where)
        else:
            tally.checked["answered as before" if damage.allowed[-1] == seen else "answered as some calls earlier"] += 1


def _read(memory, damage: Damage, image: Image, seen: dict[str, Any]) -> Iterator[object]:
    """Yield an error, or what is missing, or `None` for each read; collect what is shown in `seen`."""
    users = sorted({item["user_id"] for state in damage.allowed for item in state.values()})
    for user in users:
        listed: dict[str, Any] = {}
        for read in (
            lambda user=user: memory.get_all(user_id=user, limit=1000),
            lambda user=user: memory.search("tea Well I live in", user_id=user, limit=1000),
        ):
            try:
                found = {item["id"]: item for item in read()["results"]}
            except HoldfastError as error:
                yield error
                continue
            for item in found.values():
                item.pop("score", None)
            if listed and found.keys() != listed.keys():
                yield f"search and get_all differ for {user}: {sorted(found.keys() ^ listed.keys())}"
            listed = found
            seen |= found
    if list(damage.allowed) == image.states[-1:]:
        yield from _read_each(memory, image, seen)


def _read_each(memory, image: Image, seen: dict[str, Any]) -> Iterator[object]:
    for memory_id in list(image.states[-1])[::5]:
        try:
            item, history = memory.get(memory_id), memory.history(memory_id)
        except HoldfastError as error:
            yield error
            continue
        if item is not None:
            seen[memory_id] = item
        if item is None or history != image.histories[memory_id]:
            yield f"{memory_id} is missing" if item is None else f"the history of {memory_id} has changed"


def _repair(memory, damage: Damage, image: Image, right: set[tuple[str, str]], tally: Tally, where: str) -> None:
    must_succeed = damage.is_repairable and can_be_read(Path(memory.path), image.definitions)
    try:
        memory.doctor(repair=True)
        problems = memory.doctor()["problems"]
    except StorageError as error:
        if must_succeed:
            tally.report([], [f"repair: {describe(error)}"], where)
        tally.checked["beyond repair"] += 1
        return
    changed = [f"{item} after the repair" for one, item in _items(memory).items() if (one, repr(item)) not in right]
    tally.report([], changed, where)
    if problems:
        if must_succeed:
            tally.report([], [f"after the repair: {problems[:3]}"], where)
        tally.checked["repaired in part"] += 1
        return
    try:
        (added,) = memory.add("after the repair", user_id="new", infer=False)["results"]
    except ConfigError:
        tally.checked["repaired, and asks for the engines"] += 1  # their record was damaged, and they are not guessed
        return
    if memory.search("repair", user_id="new")["results"][0]["id"] != added["id"]:
        tally.report([], ["a new memory is not found after the repair"], where)
    tally.checked["repaired"] += 1


def can_be_read(path: Path, definitions: Sequence[tuple[str, ...]]) -> bool:
    """Return whether SQLite reads every row of every table, and the definitions are the same."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            if connection.execute(_DEFINITIONS).fetchall() != definitions:
                return False
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                connection.execute(f"SELECT * FROM {table} NOT INDEXED").fetchall()  # noqa: S608
        except (sqlite3.DatabaseError, UnicodeDecodeError):  # SQLite quotes damaged bytes in its errors
            return False
    return True


def read_definitions(path: Path) -> list[tuple[str, ...]]:
    """Return how the tables and indexes of a file are defined."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(_DEFINITIONS).fetchall()


def _nearest(seen: Items, allowed: Sequence[Items]) -> list[str]:
    return min((sorted(state.keys() - seen.keys()) for state in allowed), key=len)


def _name(suffix: str) -> str:
    return {FILE: "the file", LOG: "the log", SNAPSHOT: "the snapshot"}[suffix]
