"""Kill processes while they add, and count the acknowledged memories that are lost."""

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

from benchmarks.corpus import make_corpus
from benchmarks.holdfast_subject import Holdfast
from benchmarks.measurement import Extent, Subject, make_folder, refuse_connections
from benchmarks.mem0_subject import Mem0
from benchmarks.table import Row

_OLDER = 2_000
_READY = "ready"
_OPEN: dict[str, Callable[[Path], Subject]] = {
    "ours": Holdfast,
    "peer": lambda folder: Mem0(folder, "faiss"),
}


@dataclass
class _Outcome:
    acknowledged: int = 0
    lost: int = 0
    older_lost: int = 0


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Kill writing processes of both sides, and count the acknowledged memories that are lost."""
    ours, peer = (_measure(name, extent.kills, make_folder(folder / name)) for name in _OPEN)
    after = f"lost after {extent.kills} kill -9"
    of = f"(of {ours.acknowledged:,} and {peer.acknowledged:,})"
    yield Row(f"acknowledged adds {after} {of}", ours.lost, peer.lost, at_most=0, of_ours=True)
    of = f"(of {extent.kills * _OLDER:,})"
    yield Row(f"older memories {after} {of}", ours.older_lost, peer.older_lost, at_most=0, of_ours=True)


def _measure(name: str, kills: int, folder: Path) -> _Outcome:
    """Kill `kills` writers, each with its own copy of a store of 2,000 memories."""
    fresh = _OPEN[name](make_folder(folder / "fresh"))
    older = fresh.load(make_corpus(_OLDER, owners=1))
    fresh.close()
    outcome = _Outcome()
    for number in range(kills):
        copy = Path(shutil.copytree(folder / "fresh", folder / str(number)))
        acknowledged = _kill_writer(name, copy, first=10**5 * (number + 1))
        outcome.acknowledged += len(acknowledged)
        outcome.lost += _count_missing(name, copy, acknowledged)
        outcome.older_lost += _count_missing(name, copy, older)
    return outcome


def _count_missing(name: str, folder: Path, texts: Mapping[str, str]) -> int:
    """Return how many memories are missing or changed; all if the store is unusable."""
    try:
        subject = _OPEN[name](folder)
        missing = sum(subject.get_text(key) != text for key, text in texts.items())
        subject.close()
    except Exception:  # noqa: BLE001 - with any error, nothing can be read
        return len(texts)
    return missing


def _kill_writer(name: str, folder: Path, *, first: int) -> dict[str, str]:
    """Let a process add for up to half a second, kill it, and return the acknowledged texts by id."""
    program = [sys.executable, "-m", "benchmarks.durability", name, str(folder), str(first)]
    moment = random.Random(first)
    acknowledged: list[str] = []
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as writer:
        lines = cast("IO[str]", writer.stdout)
        lines.readline()
        deadline = time.monotonic() + moment.uniform(0.05, 0.5)
        for line in lines:  # read continuously, because a full pipe would block the writer
            acknowledged.append(line)
            if time.monotonic() > deadline:
                time.sleep(moment.uniform(0, 0.005))  # so that it is not always killed right after an acknowledgement
                writer.kill()
    if writer.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the writing process ended by itself ({writer.returncode}) before it was killed")
    return dict(line.removesuffix("\n").split("\t") for line in acknowledged if line.endswith("\n"))


def write(name: str, folder: Path, first: int) -> None:
    """Add texts one by one until killed, and print each id after its add has returned."""
    subject = _OPEN[name](folder)
    texts = make_corpus(20_000, owners=1, first=first).texts
    print(_READY, flush=True)
    for text in texts:
        print(f"{subject.add([text], owner='user-0')[0]}\t{text}", flush=True)


if __name__ == "__main__":
    refuse_connections()
    write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
