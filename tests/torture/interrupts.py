"""Ctrl-C in one of several threads that write at once: it stops that call whole or not at all, and no other."""

from __future__ import annotations

import copy
import ctypes
import json
import random
import threading
import time
from pathlib import Path

from tests.torture.calls import SHARED, everything, new_ids, open_memory, perform, plan
from tests.torture.checks import check_store, memories_of
from tests.torture.ledger import Call, Ledger
from tests.torture.processes import PROCESSES
from tests.torture.tally import Progress, Tally
from tests.torture.writer import describe, dump_stacks_after

_THREADS = 4
_PER_PROCESS = 100  # interrupts
_DEADLINE = 180.0  # seconds
_NAMES = [name for name in SHARED if name not in ("reembed", "doctor")]  # a memory has one embedder for all threads


def interrupt_threads(folder: Path, *, interrupts: int, seed: int) -> Tally:
    """Interrupt `interrupts` calls in all, each in one of four threads of a process that share one memory."""
    tally = Tally("KeyboardInterrupt in one of four writing threads")
    progress = Progress(tally, interrupts)
    for first in range(0, interrupts, _PER_PROCESS):
        place = folder / f"process{first}"
        place.mkdir()
        count, where = min(_PER_PROCESS, interrupts - first), f"seed {seed}, process {first}"
        process = PROCESSES.Process(target=_run, args=(place, count, seed * 1_000_003 + first))
        process.start()
        process.join()
        if process.exitcode:
            tally.report([], [f"a process ended with {process.exitcode}: it hung, or broke"], where)
            continue
        found = json.loads((place / "outcome").read_text())
        tally.tried += found["tried"]
        tally.checked += found["checked"]
        tally.report(found["lost"], found["wrong"], where)
        progress.show()
    return tally


class _Worker:
    """A thread that writes; `may_be_interrupted` while a call of its own is under way."""

    def __init__(self, memory, name: str, seed: int, tally: Tally, stop: threading.Event):
        self._memory, self.ledger, self._chance = memory, Ledger(name), random.Random(seed)
        self._tally, self._stop = tally, stop
        self.may_be_interrupted = False
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                self._call(plan(self.ledger, self._chance, _NAMES))
        except BaseException as error:  # noqa: BLE001 - reported
            self._tally.report([], [describe(error)], self.ledger.writer)

    def _call(self, call: Call) -> None:
        self.ledger.start(call)
        before = copy.deepcopy(self.ledger)
        try:
            self.may_be_interrupted = True
            ids = new_ids(call, perform(self._memory, call))
            self.ledger.acknowledge(ids)
            self.may_be_interrupted = False
        except KeyboardInterrupt:
            self.may_be_interrupted = False
            self.ledger = before
            self._go_on(call)
        self._tally.checked["calls"] += 1

    def _go_on(self, interrupted: Call) -> None:
        # A write that waits in the queue is carried out, or not, before the next one of this thread.
        self._memory.put([{"memory_id": f"{self.ledger.writer}-mark", "text": "mark"}], app_id="marks")
        stored = memories_of(everything(self._memory), self.ledger)
        self._tally.report(*self.ledger.settle(stored), f"after an interrupted {interrupted.verb}")
        self.ledger.memories = stored
        self._tally.tried += 1


def _run(place: Path, count: int, seed: int) -> None:
    dump_stacks_after(_DEADLINE)
    tally, stop, chance = Tally(""), threading.Event(), random.Random(seed)
    with open_memory(place / "memory.db") as memory:
        workers = [_Worker(memory, f"i{number}", seed + number, tally, stop) for number in range(_THREADS)]
        for worker in workers:
            worker.thread.start()
        while tally.tried < count and not tally.wrong and not tally.lost:
            time.sleep(chance.random() * 0.02)
            worker = chance.choice(workers)
            if worker.may_be_interrupted:
                identity = ctypes.c_ulong(worker.thread.ident)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(KeyboardInterrupt))
        stop.set()
        for worker in workers:
            worker.thread.join()
        check_store(memory, [worker.ledger for worker in workers], tally, "in the end")
    outcome = {"tried": tally.tried, "checked": tally.checked, "lost": tally.lost, "wrong": tally.wrong}
    (place / "outcome").write_text(json.dumps(outcome))
