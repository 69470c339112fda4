"""Disks that fill up while every verb writes: each call is acknowledged or refused whole, and works again later."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.torture.calls import SHARED, open_memory, plan
from tests.torture.checks import check_erased, check_store
from tests.torture.ledger import Ledger
from tests.torture.processes import PROCESSES
from tests.torture.tally import Progress, Tally
from tests.torture.writer import Notes, describe, dump_stacks_after, read_notes, replay, step

_CALLS = 25  # while the disk is full or filling up
_AFTERWARDS = 5  # once there is room
_DEADLINE = 60.0  # seconds


def fill_disks(folder: Path, *, disks: int, seed: int) -> Tally:
    """Let `disks` writers run out of room, each with another amount of it and another favourite verb.

    Where this process may mount a small file system, every other writer has one of its own; the others may not make
    their files larger.
    """
    tally = Tally("full disks")
    progress, can_mount = Progress(tally, disks), _mount(folder / "probe")
    for number in range(disks):
        place = folder / f"disk{number}"
        is_mounted = can_mount and number % 2 == 1 and _mount(place)
        place.mkdir(exist_ok=True)
        where = f"seed {seed}, {'disk' if is_mounted else 'limit'} {number}"
        try:
            _fill(place / "memory.db", folder / f"disk{number}.notes", tally, where, seed * 1009 + number, is_mounted)
        finally:
            if is_mounted:
                _unmount(place)
        tally.tried += 1
        progress.show()
    if can_mount:
        _unmount(folder / "probe")
    return tally


def _mount(place: Path) -> bool:
    place.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid():
        return False
    return not subprocess.run(command, capture_output=True, check=False).returncode


def _unmount(place: Path) -> None:
    subprocess.run(["/bin/umount", "-l", str(place)], check=True)


def _fill(path: Path, notes: Path, tally: Tally, where: str, seed: int, is_mounted: bool) -> None:  # noqa: FBT001
    process = PROCESSES.Process(target=_write, args=(path, notes, seed, is_mounted))
    process.start()
    process.join()
    if process.exitcode:
        tally.report([], [f"the process ended with {process.exitcode}: it hung, or broke"], where)
    ledger, written = Ledger("full"), read_notes(notes)
    tally.report([], replay(ledger, written), where)
    tally.checked["acknowledged calls"] += ledger.calls
    tally.checked["refused calls"] += sum(note["event"] == "refused" for note in written)
    with open_memory(path) as memory:
        check_store(memory, [ledger], tally, where)
    check_erased(path, [ledger], tally, where)


def _write(path: Path, notes_path: Path, seed: int, is_mounted: bool) -> None:  # noqa: FBT001
    chance, ledger, note = random.Random(seed), Ledger("full"), Notes(notes_path)
    favourite = SHARED[seed % len(SHARED)]
    dump_stacks_after(_DEADLINE)
    try:
        memory = open_memory(path)

        def go(calls: int, *, may_fail: bool) -> None:
            nonlocal memory
            for _ in range(calls):
                call = plan(ledger, chance, SHARED, favourite)
                memory = step(memory, ledger, call, note, reopen=lambda: open_memory(path), may_fail=may_fail)

        go(chance.randrange(5, 15), may_fail=False)
        make_room = (_fill_disk if is_mounted else _limit_files)(path.parent, chance)
        go(_CALLS, may_fail=True)
        make_room()
        go(_AFTERWARDS, may_fail=False)
        memory.close()
    except BaseException as error:  # noqa: BLE001 - the process that waits for this one reads it
        note({"event": "failed", "reason": describe(error)})


def _limit_files(folder: Path, chance: random.Random):
    """Let no file of this process grow much; return a function that lifts the limit."""
    import resource  # noqa: PLC0415 - not on Windows

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    used = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (used + int(chance.random() ** 2 * 300_000), whole[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, whole)


def _fill_disk(folder: Path, chance: random.Random):
    """Leave little room on the disk; return a function that makes room again."""
    free = os.statvfs(folder)
    room = free.f_bavail * free.f_frsize - int(chance.random() ** 2 * 300_000)
    (folder / "filler").write_bytes(bytes(max(0, room)))
    return (folder / "filler").unlink
