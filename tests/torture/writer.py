"""Writers that note each call before it starts and after it has returned, and the reader of their notes."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.torture.calls import Call, everything, new_ids, open_memory, perform, plan
from tests.torture.ledger import Ledger

from holdfast import Memory
from holdfast.errors import EmbedderMismatch, StorageError

Note = dict[str, Any]
Noting = Callable[[Note], object]

_ERASING = ("forget", "delete_users", "delete_all", "reset")


class Notes:
    """A file of notes. What was noted outlives a kill: it is in the operating system's hands."""

    def __init__(self, path: Path):
        self._file = path.open("ab", buffering=0)

    def __call__(self, note: Note) -> None:
        self._file.write(json.dumps({**note, "at": time.monotonic_ns()}).encode() + b"\n")


def read_notes(path: Path) -> list[Note]:
    """Return the notes that are complete."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def follow(path: Path) -> Iterator[Note | None]:
    """Yield notes as they are written, and `None` whenever there is no new one."""
    read, rest = 0, b""
    while True:
        if path.exists():
            with path.open("rb") as file:
                file.seek(read)
                new = file.read()
            read += len(new)
            *lines, rest = (rest + new).split(b"\n")
            yield from map(json.loads, lines)
        yield None


def replay(ledger: Ledger, notes: list[Note]) -> list[str]:
    """Bring the ledger to where its writer was; return what the writer found wrong."""
    wrong = []
    for note in notes:
        match note["event"]:
            case "start":
                ledger.start(Call.from_json(note["call"]))
                ledger.spent = note["spent"]
            case "done":
                ledger.acknowledge(note["ids"])
            case "refused":
                ledger.refuse()
            case "failed":
                wrong.append(f"{ledger.writer}: {note['reason']}")
    return wrong


def write_for_ever(path: Path, notes_path: Path, ledger: Ledger, seed: int, names: list[str], favourite: str) -> None:
    """Write until killed. Runs in a process of its own."""
    memory = open_memory(path)
    notes = Notes(notes_path)
    chance = random.Random(seed)
    try:
        while True:
            call = plan(ledger, chance, names, favourite)
            memory = step(memory, ledger, call, notes, reopen=lambda: open_memory(path))
    except BaseException as error:  # noqa: BLE001 - the process that waits for this one reads it
        notes({"event": "failed", "reason": describe(error)})
        os._exit(1)


def describe(error: BaseException) -> str:
    """Return the error in one line, with where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[:-6:-1])
    return f"{type(error).__name__}: {str(error)[:400]} ({places})"


def step(
    memory: Memory,
    ledger: Ledger,
    call: Call,
    note: Noting,
    *,
    reopen: Callable[[], Memory],
    may_fail: bool = False,
) -> Memory:
    """Make one call and note it; return the memory to go on with.

    Args:
        reopen: Opens the store with the embedder it now has.
        may_fail: Whether a `StorageError` is expected, as on a full disk.
    """
    ledger.start(call)
    note({"event": "start", "call": call.as_json(), "spent": ledger.spent})
    try:
        result = perform(memory, call)
    except EmbedderMismatch:  # another writer has re-embedded
        ledger.refuse()
        note({"event": "refused"})
        return reopen()
    except StorageError as error:
        if call.verb == "reembed" and "another re-embedding" in str(error):
            ledger.refuse()
            note({"event": "refused"})
        elif may_fail:
            _settle_refused(memory, ledger, call, note)
        else:
            raise
        return memory
    if call.verb == "doctor" and not result["healthy"]:
        raise AssertionError(f"doctor found {result['problems']}")
    ids = new_ids(call, result)
    ledger.acknowledge(ids)
    note({"event": "done", "ids": ids})
    return memory


def _settle_refused(memory, ledger: Ledger, call: Call, note: Noting) -> None:
    """Note what a refused call has done: erasing may have deleted before it found no room for the rest."""
    if call.verb in _ERASING and not any(memory_id in everything(memory) for memory_id in call.gone):
        for_good = Call(call.verb, call.arguments, call.gone)  # the words may still be in the file, as the error says
        note({"event": "start", "call": for_good.as_json(), "spent": ledger.spent})
        ledger.start(for_good)
        ledger.acknowledge({})
        note({"event": "done", "ids": {}})
    else:
        ledger.refuse()
        note({"event": "refused"})


def dump_stacks_after(seconds: float) -> None:
    """Print the stacks of all threads and end the process if it is still running then."""
    faulthandler.dump_traceback_later(seconds, exit=True)
