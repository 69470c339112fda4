"""What both sides share: the interface, the clock, recall against brute force, and no network."""

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
"""The number of results of every search."""

WARM_UP = 2
"""The number of rounds that are not counted."""


class Subject(Protocol):
    """A memory that is measured, Holdfast's or Mem0's, in its own folder."""

    folder: Path

    def add(self, texts: Sequence[str], *, owner: str) -> list[str]:
        """Add `texts` unchanged in one call and return their ids."""

    def search(self, query: str, *, owner: str) -> list[str]:
        """Return the texts found for `query` among the memories of `owner`, best first."""

    def get_text(self, memory_id: str) -> str | None:
        """Return the text of one memory, `None` if it does not exist."""

    def load(self, corpus: Corpus) -> dict[str, str]:
        """Add a whole corpus in the fastest way, and return its texts by id."""

    def close(self) -> None:
        """Close the files."""


@dataclass(frozen=True)
class Extent:
    """The extent of the measurement.

    Attributes:
        rounds: The number of repetitions of each timed operation.
        kills: The number of processes killed while adding.
        largest: The number of memories in the largest store.
    """

    rounds: int
    kills: int
    largest: int


def measure_medians(actions: Mapping[str, Callable[[int], object]], *, rounds: int) -> dict[str, float]:
    """Run the actions alternately (A B B A A B …) and return the median milliseconds of each.

    Other load on the machine affects all of them equally, so the ratios are stable even if the times are not.
    """
    return {name: statistics.median(times) for name, times in collect_samples(actions, rounds=rounds).items()}


def collect_samples(
    actions: Mapping[str, Callable[[int], object]], *, rounds: int, reverse: bool = True
) -> dict[str, list[float]]:
    """Run the actions alternately and return the milliseconds of every round.

    Args:
        actions: Called with the number of the round.
        rounds: The number of rounds after the warm-up.
        reverse: Whether the order alternates (A B B A) or stays the same (A B A B).
    """
    milliseconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + WARM_UP):
        # The second action benefits from disk caches that the first one filled, so the order alternates.
        for name, action in list(actions.items())[:: -1 if reverse and number % 2 else 1]:
            started = time.perf_counter()
            action(number)
            milliseconds[name].append((time.perf_counter() - started) * 1e3)
    return {name: times[WARM_UP:] for name, times in milliseconds.items()}


def measure_recall(subject: Subject, queries: Sequence[str], corpus: Corpus) -> float:
    """Return the share of the ten nearest memories of an owner that `subject` finds, 0 to 1.

    The nearest memories are computed by brute force over the owner's memories. Each query is for the next owner.
    """
    embedder = TopicEmbedder()
    by_owner = sorted(corpus.by_owner().items())
    found = expected = 0
    for place, query in enumerate(queries):
        owner, texts = by_owner[place % len(by_owner)]
        scores = embedder.embed(texts) @ embedder.embed([query])[0]
        nearest = {texts[row] for row in np.argsort(-scores)[:RESULTS]}
        found += len(nearest.intersection(subject.search(query, owner=owner)))
        expected += len(nearest)
    return found / expected


def make_folder(folder: Path) -> Path:
    """Create `folder` and return it."""
    folder.mkdir(parents=True)
    return folder


def count_bytes(folder: Path) -> int:
    """Return the size of all files in `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def refuse_connections() -> list[str]:
    """Refuse every connection to another machine from now on, and return the list that records the attempts.

    Network traffic would distort the measurement.
    """
    attempts: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect" and not _is_local(arguments[1]):
            attempts.append(str(arguments[1]))
            raise ConnectionRefusedError(f"benchmarks make no connections, not to {arguments[1]} either")
        if event == "socket.getaddrinfo" and arguments[0] not in {None, "localhost"}:
            attempts.append(str(arguments[0]))
            raise ConnectionRefusedError(f"benchmarks make no connections, not to {arguments[0]} either")

    sys.addaudithook(watch)
    return attempts


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return False
