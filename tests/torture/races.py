"""Processes and threads that use one file at once, with every verb and with users of their own and a shared one."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.torture.calls import SHARED, open_memory, plan
from tests.torture.checks import check_store
from tests.torture.ledger import Call, Held, Ledger
from tests.torture.processes import PROCESSES
from tests.torture.tally import Progress, Tally
from tests.torture.writer import Notes, describe, dump_stacks_after, read_notes, replay, step

from holdfast.errors import EmbedderMismatch

_EVERYBODY = "everybody-all"
_RARE = ("reembed", "doctor", "prune_history", "forget", "delete_users")  # each keeps all others waiting
_DEADLINE = 300.0  # seconds for one race


def race(folder: Path, *, operations: int, seed: int, processes: int = 8, threads: int = 4) -> Tally:
    """Let `processes` times `threads` writers make `operations` calls in all, in races of some 3,000."""
    tally = Tally(f"calls of {processes} processes with {threads} threads each")
    progress, each = Progress(tally, operations), max(1, min(operations, 3200) // (processes * threads))
    for number in range(max(1, operations // (each * processes * threads))):
        place = folder / f"race{number}"
        place.mkdir()
        _race(place / "memory.db", each, tally, f"seed {seed}, race {number}", seed * 1009 + number, processes, threads)
        progress.show()
    return tally


def _race(path: Path, each: int, tally: Tally, where: str, seed: int, processes: int, threads: int) -> None:
    open_memory(path).close()
    names = [[f"r{process}t{thread}" for thread in range(threads)] for process in range(processes)]
    running = [
        PROCESSES.Process(target=_run, args=(path, mine, each, seed + place)) for place, mine in enumerate(names)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            tally.report([], [f"a process ended with {process.exitcode}: it hung, or broke"], where)
    ledgers, shared = [], Ledger("everybody")
    for name in (name for mine in names for name in mine):
        ledger = Ledger(name)
        written = read_notes(_notes(path, name))
        tally.report([], replay(ledger, [note for note in written if note["event"] != "shared"]), where)
        shared.memories |= {note["id"]: Held(_EVERYBODY, note["text"]) for note in written if note["event"] == "shared"}
        tally.tried += sum(note["event"] in ("done", "refused", "shared", "read") for note in written)
        tally.checked["refused calls"] += sum(note["event"] == "refused" for note in written)
        ledgers.append(ledger)
    tally.checked["memories in the end"] += sum(len(ledger.memories) for ledger in [*ledgers, shared])
    with open_memory(path) as memory:
        check_store(memory, [*ledgers, shared], tally, where)


class _Open:
    """The memory that all threads of this process share; opened again when another process has re-embedded."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        self.opened = [open_memory(path)]

    @property
    def memory(self):
        return self.opened[-1]

    def reopen(self, used):
        """Return a memory other than `used`, which stays open: other threads may be in it."""
        with self._lock:
            if self.memory is used:
                self.opened.append(open_memory(self._path))
            return self.memory


def _run(path: Path, names: Sequence[str], each: int, seed: int) -> None:
    dump_stacks_after(_DEADLINE)
    shared = _Open(path)
    threads = [
        threading.Thread(target=_work, args=(path, shared, name, each, seed * 101 + place))
        for place, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for memory in shared.opened:
        memory.close()


def _work(path: Path, shared: _Open, name: str, each: int, seed: int) -> None:
    ledger, chance, note = Ledger(name), random.Random(seed), Notes(_notes(path, name))
    often = [verb for verb in SHARED if verb not in _RARE]
    memory = shared.memory
    try:
        for _ in range(each):
            what = chance.random()
            if what < 0.15:
                memory = _tell_everybody(memory, shared, ledger, note)
            elif what < 0.4:
                memory = _read(memory, shared, ledger, chance, note)
            else:
                call: Call = plan(ledger, chance, SHARED if what < 0.42 else often)
                memory = step(memory, ledger, call, note, reopen=lambda used=memory: shared.reopen(used))
    except BaseException as error:  # noqa: BLE001 - the process that waits for this one reads it
        note({"event": "failed", "reason": describe(error)})


def _tell_everybody(memory, shared: _Open, ledger: Ledger, note: Notes):
    text = f"note {ledger.word()} about tea"
    try:
        (added,) = memory.add(text, user_id=_EVERYBODY, infer=False)["results"]
    except EmbedderMismatch:
        return shared.reopen(memory)
    note({"event": "shared", "id": added["id"], "text": text})
    return memory


def _read(memory, shared: _Open, ledger: Ledger, chance: random.Random, note: Notes):
    """Check that the own memories, and nobody else's, are listed and found."""
    user = ledger.user(chance.choice(("ann", "bob", "home")))
    expected = {one: held.text for one, held in ledger.memories.items() if held.user == user}
    try:
        for found in (
            memory.get_all(user_id=user, limit=1000)["results"],
            memory.search("tea Well I live in", user_id=user, limit=1000)["results"],
        ):
            shown = {item["id"]: item["memory"] for item in found}
            if shown != expected or any(item["user_id"] != user for item in found):
                raise AssertionError(f"{user} sees {shown}, not {expected}")
    except EmbedderMismatch:
        return shared.reopen(memory)
    note({"event": "read"})
    return memory


def _notes(path: Path, name: str) -> Path:
    return path.with_name(f"{name}.notes")
