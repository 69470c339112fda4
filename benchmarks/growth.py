"""Measure a search in one scope and a durable add while the store grows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.conversations import SCOPE, list_owners, make_new_sessions, make_questions, make_sessions
from benchmarks.corpus import make_queries, precompute_vectors
from benchmarks.holdfast_subject import Holdfast
from benchmarks.measurement import WARM_UP, Extent, collect_samples, measure_medians
from benchmarks.table import Point, Row

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_REPETITIONS = 16  # of each round, because a 95th percentile needs hundreds of samples
_MAX_P95 = {100_000: 5.0, 1_000_000: 8.0}  # milliseconds, of a search with every signal
_MAX_MEDIAN = {100_000: 3.0, 1_000_000: 5.0}  # milliseconds, of a search by keyword and vector only


def rows(extent: Extent, folder: Path, *, sizes: Sequence[int] = _SIZES) -> Iterator[Row]:
    """Let one store grow to each of `sizes`, up to the largest of the extent, and measure it at each size.

    Args:
        extent: The extent of the measurement.
        folder: The folder for the store.
        sizes: Numbers of memories, ascending, each a multiple of 20.
    """
    memory = Holdfast(folder)
    stored = 0
    for size in sizes:
        if size > extent.largest:
            break
        for session in make_sessions(stored, size):
            memory.add_session(session)
        stored = size
        yield from _measure_curves(memory, size, _REPETITIONS * extent.rounds)
        if size in _MAX_MEDIAN:
            yield _measure_without_sessions(memory, size, 4 * extent.rounds)
    memory.close()


def _measure_curves(memory: Holdfast, size: int, rounds: int) -> Iterator[Row]:
    """Measure as an agent works: a turn is added, and the next search includes it."""
    new = make_new_sessions(rounds + WARM_UP, first=size)
    questions = make_questions(rounds + WARM_UP)
    precompute_vectors([*questions, *(text for session in new for text in session.embedded_texts)])
    owners = list_owners(size, with_sessions=True)
    actions = {
        "add": lambda number: memory.add_session(new[number]),
        "search": lambda number: memory.search(questions[number], owner=owners[number % len(owners)]),
    }
    durations = collect_samples(actions, rounds=rounds, reverse=False)
    measure = f"search, every signal, scope of {min(size, SCOPE):,} among {size:,}"
    yield from _make_rows("search", measure, durations["search"], size, _MAX_P95.get(size))
    yield from _make_rows("add", f"add(infer=False) of a turn to {size:,}", durations["add"], size, None)


def _make_rows(curve: str, measure: str, durations: Sequence[float], size: int, bound: float | None) -> Iterator[Row]:
    yield Row(f"{measure}, median", statistics.median(durations), unit="ms", point=Point(curve, "median", size))
    p95 = float(np.percentile(durations, 95))
    yield Row(f"{measure}, p95", p95, unit="ms", at_most=bound, point=Point(curve, "p95", size))


def _measure_without_sessions(memory: Holdfast, size: int, rounds: int) -> Row:
    owners, questions = list_owners(size, with_sessions=False), make_queries(rounds + WARM_UP)
    precompute_vectors(questions)
    actions = {"ours": lambda number: memory.search(questions[number], owner=owners[number % len(owners)])}
    measure = f"keyword and vector search, scope of {SCOPE:,} among {size:,}"
    return Row(measure, measure_medians(actions, rounds=rounds)["ours"], unit="ms", at_most=_MAX_MEDIAN[size])
