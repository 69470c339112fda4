"""How long a search in one scope and a durable add take while the store grows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.conversations import SCOPE, newcomers, owners, questions, sessions
from benchmarks.corpus import prepare, queries
from benchmarks.ours import Holdfast
from benchmarks.setting import WARM_UP, Extent, interleaved, samples
from benchmarks.table import Point, Row

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_REPETITIONS = 16  # of each round: a 95th percentile needs hundreds of samples
_LONGEST_P95 = {100_000: 5.0, 1_000_000: 8.0}  # milliseconds, of a search with every signal
_LONGEST = {100_000: 3.0, 1_000_000: 5.0}  # the same of a median, by keyword and vector alone


def rows(extent: Extent, folder: Path, *, sizes: Sequence[int] = _SIZES) -> Iterator[Row]:
    """Let one store grow through the `sizes` up to the extent's largest, and measure it at each.

    Args:
        extent: How long to measure.
        folder: Where the store is to lie.
        sizes: Numbers of memories, ascending, each a multiple of 20.
    """
    memory = Holdfast(folder)
    held = 0
    for size in sizes:
        if size > extent.largest:
            break
        for session in sessions(held, size):
            memory.hear(session)
        held = size
        yield from _curves(memory, size, _REPETITIONS * extent.rounds)
        if size in _LONGEST:
            yield _without_sessions(memory, size, 4 * extent.rounds)
    memory.close()


def _curves(memory: Holdfast, size: int, rounds: int) -> Iterator[Row]:
    """Measure as an agent works: a turn is added, and the next search takes it in."""
    new, asked = newcomers(rounds + WARM_UP, first=size), questions(rounds + WARM_UP)
    prepare([*asked, *(text for session in new for text in session.embedded)])
    owner = owners(size, with_sessions=True)
    actions = {
        "add": lambda number: memory.hear(new[number]),
        "search": lambda number: memory.search(asked[number], owner=owner[number % len(owner)]),
    }
    took = samples(actions, rounds=rounds, reverse=False)
    measure = f"search, every signal, scope of {min(size, SCOPE):,} among {size:,}"
    yield from _both_statistics("search", measure, took["search"], size, _LONGEST_P95.get(size))
    yield from _both_statistics("add", f"add(infer=False) of a turn to {size:,}", took["add"], size, None)


def _both_statistics(
    curve: str, measure: str, took: Sequence[float], size: int, longest: float | None
) -> Iterator[Row]:
    yield Row(f"{measure}, median", statistics.median(took), unit="ms", point=Point(curve, "median", size))
    p95 = float(np.percentile(took, 95))
    yield Row(f"{measure}, p95", p95, unit="ms", at_most=longest, point=Point(curve, "p95", size))


def _without_sessions(memory: Holdfast, size: int, rounds: int) -> Row:
    owner, asked = owners(size, with_sessions=False), queries(rounds + WARM_UP)
    prepare(asked)
    actions = {"ours": lambda number: memory.search(asked[number], owner=owner[number % len(owner)])}
    measure = f"keyword and vector search, scope of {SCOPE:,} among {size:,}"
    return Row(measure, interleaved(actions, rounds=rounds)["ours"], unit="ms", at_most=_LONGEST[size])
