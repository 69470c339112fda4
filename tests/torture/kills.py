"""Two processes write one file with every verb, and are killed at random moments."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Sequence
from pathlib import Path

from tests.torture.calls import SHARED, open_memory
from tests.torture.checks import check_erased, check_store, everything, memories_of
from tests.torture.ledger import Ledger
from tests.torture.processes import PROCESSES
from tests.torture.tally import Progress, Tally
from tests.torture.writer import Note, follow, read_notes, replay, write_for_ever

_PER_FILE = 25  # rounds on one file, so that it grows old and the check stays short
_DEADLINE = 60.0  # seconds until a writer that does nothing counts as hanging


def kill_writers(folder: Path, *, kills: int, seed: int) -> Tally:
    """Kill `kills` writers, two at a time, and check the file each time.

    Every fourth round checks while the second writer goes on, and every twelfth has `reset` among its verbs.
    """
    tally = Tally("SIGKILL of one of two writing processes")
    progress, chance = Progress(tally, kills), random.Random(seed)
    number = 0
    while tally.tried < kills:
        if number % _PER_FILE == 0:
            path = folder / f"kill{number}" / "memory.db"
            path.parent.mkdir()
            open_memory(path).close()
            ledgers = [Ledger(f"k{number}a"), Ledger(f"k{number}b")]
        if number % 12 == 11:
            reset = folder / f"reset{number}" / "memory.db"
            reset.parent.mkdir()
            open_memory(reset).close()
            _reset_round(reset, tally, chance, f"seed {seed}, round {number}")
        else:
            _round(path, ledgers, tally, chance, f"seed {seed}, round {number}", number)
        progress.show()
        number += 1
    return tally


class Writer:
    """A process that writes, and what it has noted."""

    def __init__(self, path: Path, ledger: Ledger, chance: random.Random, names: Sequence[str], favourite: str):
        self.ledger, self._favourite, self._chance = ledger, favourite, chance
        self._notes = path.with_name(f"{ledger.writer}-{chance.getrandbits(48)}.notes")
        arguments = (path, self._notes, ledger, chance.getrandbits(32), list(names), favourite)
        self._process = PROCESSES.Process(target=write_for_ever, args=arguments)
        self._process.start()

    def kill(self, *, after: int) -> str:
        """Kill the process in the favourite verb, once at least `after` calls have returned; return what it was in."""
        deadline, returned, seen = time.monotonic() + _DEADLINE, 0, ""
        for note in follow(self._notes):
            if note is None:
                if not self._process.is_alive() or time.monotonic() > deadline:
                    break
                time.sleep(0.0005)
                continue
            returned += note["event"] == "done"
            seen = note["call"]["verb"] if note["event"] == "start" else seen
            if returned >= after and note["event"] == "start" and seen == self._favourite:
                time.sleep(self._chance.random() ** 2 * 0.02)  # a call takes from 1 to 20 ms
                break
        self._process.kill()
        self._process.join()
        return seen

    def read(self, tally: Tally, where: str) -> list[Note]:
        """Bring the ledger up to date; return the notes."""
        notes = read_notes(self._notes)
        self._notes.unlink(missing_ok=True)
        before = self.ledger.calls
        failures = replay(self.ledger, notes)
        if not failures and not any(note["event"] == "done" for note in notes):
            failures.append(f"{self.ledger.writer} hung: no call of it returned")
        tally.report([], failures, where)
        tally.checked["acknowledged calls"] += self.ledger.calls - before
        tally.tried += 1
        return notes


def _round(path, ledgers, tally, chance, where, number) -> None:
    writers = [
        Writer(path, ledger, chance, SHARED, SHARED[(number * 2 + place) % len(SHARED)])
        for place, ledger in enumerate(ledgers)
    ]
    first, second = chance.sample(writers, 2)
    tally.checked[f"in {first.kill(after=chance.randrange(1, 12))}"] += 1
    first.read(tally, where)
    if number % 4 == 0:
        _check_beside_a_writer(path, first.ledger, tally, where)
    tally.checked[f"in {second.kill(after=chance.randrange(1, 25))}"] += 1
    second.read(tally, where)
    with open_memory(path) as memory:
        check_store(memory, ledgers, tally, where)
    check_erased(path, ledgers, tally, where)


def _check_beside_a_writer(path: Path, ledger: Ledger, tally: Tally, where: str) -> None:
    with open_memory(path) as memory:
        stored = memories_of(everything(memory), ledger)
        # The call that was under way stays open: SQLite finds a last commit that nobody has read yet when it recovers.
        tally.report(*copy.deepcopy(ledger).settle(stored), f"{where}, beside a writer")


def _reset_round(path: Path, tally: Tally, chance: random.Random, where: str) -> None:
    """One process resets the store again and again, another one adds: an add is there unless a reset came later."""
    ledgers = [Ledger("resetting"), Ledger("adding")]
    resetting = Writer(path, ledgers[0], chance, ["add", "reset"], "reset")
    adding = Writer(path, ledgers[1], chance, ["add"], "add")
    tally.checked[f"in {resetting.kill(after=chance.randrange(2, 12))}"] += 1
    tally.checked[f"in {adding.kill(after=1)}"] += 1
    resets = _intervals(resetting.read(tally, where), "reset")
    adds = _intervals(adding.read(tally, where), "add")
    certain = max((end for _, end, _ in resets if end), default=0)
    begun = max((start for start, end, _ in resets if end), default=0)
    is_pending = any(not end for _, end, _ in resets)
    with open_memory(path) as memory:
        stored = everything(memory)
        kept = {held.text for held in memories_of(stored, ledgers[1]).values()}
        for start, end, call in adds:
            if "infer" not in call["arguments"]:  # the fact may have been updated since
                continue
            there = {text for _, _, text in call["new"]} & kept
            if there and len(there) < len(call["new"]):
                tally.report([], [f"half of an add is there: {there}"], where)
            if end and start > certain and not there and not is_pending:
                tally.report([f"{call} is missing"], [], where)
            if end and end < begun and there:
                tally.report([], [f"{there} came back after a reset"], where)
        ledgers[1].memories, ledgers[1].pending = memories_of(stored, ledgers[1]), None
        check_store(memory, ledgers, tally, where)
    check_erased(path, ledgers[:1], tally, where)


def _intervals(notes: list[Note], verb: str) -> list[tuple[int, int, dict]]:
    """Return when each call of `verb` started and returned (0 for never), and the call."""
    found, started = [], None
    for note in [*notes, {"event": "start", "at": 0, "call": {"verb": ""}}]:
        if started is not None and started["call"]["verb"] == verb and note["event"] in ("start", "done"):
            found.append((started["at"], note["at"] if note["event"] == "done" else 0, started["call"]))
        started = note if note["event"] == "start" else None
    return found
