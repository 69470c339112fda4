"""What an acknowledgement is worth: processes are killed while they add, and held to their word."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from benchmarks.corpus import corpus
from benchmarks.ours import Holdfast
from benchmarks.peer import Mem0
from benchmarks.setting import Extent, Subject, close_the_door, made
from benchmarks.table import Row

_OLDER = 2_000
_READY = "ready"
_OPENED: dict[str, Callable[[Path], Subject]] = {
    "ours": Holdfast,
    "peer": lambda folder: Mem0(folder, "faiss"),
}


@dataclass
class _Outcome:
    acknowledged: int = 0
    lost: int = 0
    older_lost: int = 0


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Kill writing processes, ours and the peer's, and count what they had acknowledged and is gone."""
    ours, peer = (_outcome(name, extent.kills, made(folder / name)) for name in _OPENED)
    after = f"lost after {extent.kills} kill -9"
    of = f"(of {ours.acknowledged:,} and {peer.acknowledged:,})"
    yield Row(f"acknowledged adds {after} {of}", ours.lost, peer.lost, at_most=0, of_ours=True)
    of = f"(of {extent.kills * _OLDER:,})"
    yield Row(f"older memories {after} {of}", ours.older_lost, peer.older_lost, at_most=0, of_ours=True)


def _outcome(name: str, kills: int, folder: Path) -> _Outcome:
    """Kill `kills` writers, each at work on its own copy of a store of 2,000 memories."""
    fresh = _OPENED[name](made(folder / "fresh"))
    older = fresh.load(corpus(_OLDER, owners=1))
    fresh.close()
    outcome = _Outcome()
    for number in range(kills):
        copy = Path(shutil.copytree(folder / "fresh", folder / str(number)))
        acknowledged = _killed(name, copy, first=10**5 * (number + 1))
        outcome.acknowledged += len(acknowledged)
        outcome.lost += _missing(name, copy, acknowledged)
        outcome.older_lost += _missing(name, copy, older)
    return outcome


def _missing(name: str, folder: Path, texts: Mapping[str, str]) -> int:
    """Return how many memories are gone or changed; all, when the store is no longer usable."""
    try:
        subject = _OPENED[name](folder)
        missing = sum(subject.text_of(key) != text for key, text in texts.items())
        subject.close()
    except Exception:  # noqa: BLE001 - whatever it says, nothing can be read
        return len(texts)
    return missing


def _killed(name: str, folder: Path, *, first: int) -> dict[str, str]:
    """Let a process add for a moment, kill it, and return the texts it acknowledged by id."""
    program = [sys.executable, "-m", "benchmarks.durability", name, str(folder), str(first)]
    moment = random.Random(first)
    acknowledged: list[str] = []
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as writer:
        lines = cast("IO[str]", writer.stdout)
        lines.readline()
        deadline = time.monotonic() + moment.uniform(0.05, 0.5)
        for line in lines:  # read all the while: a full pipe would stop the writer
            acknowledged.append(line)
            if time.monotonic() > deadline:
                time.sleep(moment.uniform(0, 0.005))  # not just behind an acknowledgement
                writer.kill()
    if writer.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the writing process ended by itself ({writer.returncode}): nothing was killed")
    return dict(line.removesuffix("\n").split("\t") for line in acknowledged if line.endswith("\n"))


def write(name: str, folder: Path, first: int) -> None:
    """Add one text after the other until killed, and print each id when the add has returned."""
    subject = _OPENED[name](folder)
    said = corpus(20_000, owners=1, first=first).texts
    print(_READY, flush=True)
    for text in said:
        print(f"{subject.add([text], owner='user-0')[0]}\t{text}", flush=True)


if __name__ == "__main__":
    close_the_door()
    write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
