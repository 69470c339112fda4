"""The ground both sides stand on: one shape, one clock, one truth and a closed door to the outside."""

from __future__ import annotations

import ipaddress
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.corpus import Corpus, TopicEmbedder

RESULTS = 10
"""Memories asked for by every search."""

WARM_UP = 2
"""Rounds before the first that counts."""


class Subject(Protocol):
    """One memory under measurement, ours or the peer's, holding a folder of its own."""

    folder: Path

    def add(self, texts: Sequence[str], *, owner: str) -> list[str]:
        """Add `texts` as they are in one call and return their ids."""

    def search(self, query: str, *, owner: str) -> list[str]:
        """Return the texts found for `query` among the memories of `owner`, best first."""

    def text_of(self, memory_id: str) -> str | None:
        """Return the text of one memory, `None` when there is none."""

    def load(self, corpus: Corpus) -> dict[str, str]:
        """Bring in a whole corpus the fastest way there is; return its texts by id."""

    def close(self) -> None:
        """Let go of the files."""


@dataclass(frozen=True)
class Extent:
    """How long to measure.

    Attributes:
        rounds: Repetitions of each timed operation.
        kills: Processes killed while adding.
        largest: Memories in the largest store.
    """

    rounds: int
    kills: int
    largest: int


def interleaved(actions: Mapping[str, Callable[[int], object]], *, rounds: int) -> dict[str, float]:
    """Run the actions in turn (A B B A A B …) and return the median milliseconds of each.

    What disturbs the machine disturbs all of them, so their ratios hold where the times do not.
    """
    return {name: statistics.median(times) for name, times in samples(actions, rounds=rounds).items()}


def samples(
    actions: Mapping[str, Callable[[int], object]], *, rounds: int, reverse: bool = True
) -> dict[str, list[float]]:
    """Run the actions in turn and return the milliseconds of every round.

    Args:
        actions: Each is given the number of its round; the warm-up is not counted.
        rounds: How often each runs after the warm-up.
        reverse: Turn their order round every time (A B B A); without, one always follows on the other (A B A B).
    """
    milliseconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + WARM_UP):
        # Whoever comes second finds the disk awake: so each comes second every other time.
        for name, action in list(actions.items())[:: -1 if reverse and number % 2 else 1]:
            started = time.perf_counter()
            action(number)
            milliseconds[name].append((time.perf_counter() - started) * 1e3)
    return {name: times[WARM_UP:] for name, times in milliseconds.items()}


def recall(subject: Subject, asked: Sequence[str], known: Corpus) -> float:
    """Return which part of the truly nearest memories of an owner `subject` finds, 0..1.

    The truth is computed by brute force over the owner's memories. Owners are asked in turn.
    """
    embedder = TopicEmbedder()
    by_owner = sorted(known.by_owner().items())
    found = expected = 0
    for place, query in enumerate(asked):
        owner, texts = by_owner[place % len(by_owner)]
        scores = embedder.embed(texts) @ embedder.embed([query])[0]
        nearest = {texts[row] for row in np.argsort(-scores)[:RESULTS]}
        found += len(nearest.intersection(subject.search(query, owner=owner)))
        expected += len(nearest)
    return found / expected


def made(folder: Path) -> Path:
    """Return `folder`, which now exists."""
    folder.mkdir(parents=True)
    return folder


def bytes_in(folder: Path) -> int:
    """Return the size of all files in `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def close_the_door() -> list[str]:
    """Refuse every connection to another machine from now on; return the list of what was tried.

    A benchmark that phones home measures the network, and a peer's telemetry is nobody's business.
    """
    tried: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect" and not _local(arguments[1]):
            tried.append(str(arguments[1]))
            raise ConnectionRefusedError(f"benchmarks connect to nobody, not to {arguments[1]}")
        if event == "socket.getaddrinfo" and arguments[0] not in {None, "localhost"}:
            tried.append(str(arguments[0]))
            raise ConnectionRefusedError(f"benchmarks look nobody up, not {arguments[0]}")

    sys.addaudithook(watch)
    return tried


def _local(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a socket of the file system
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return False
