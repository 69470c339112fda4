"""Measure the duration of an add at several sizes of the store, and the size on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.corpus import make_corpus, precompute_vectors
from benchmarks.holdfast_subject import Holdfast
from benchmarks.measurement import WARM_UP, Extent, Subject, count_bytes, make_folder, measure_medians
from benchmarks.mem0_subject import Mem0
from benchmarks.table import Row

_OWNERS = 1_000
_GROWN_SIZE = 100_000
_WARM_UP_ADDS = 1_000
_BULK = 100
_BULK_ROUNDS = 5
_MAX_RATIO_FAISS = {0: 0.5, 1_000: 0.08, 10_000: 0.01}
_MAX_RATIO_QDRANT = 0.4
_MAX_RATIO_DISK = 1.5


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure single adds at 0, 1,000 and 10,000 memories, a hundred at once, and growth."""
    for size in _MAX_RATIO_FAISS:
        yield from _measure_adds(size, extent, folder / f"at-{size}")
    yield _measure_bulk(folder / "hundred")
    yield _measure_growth(extent, folder / "growth")


def _measure_adds(size: int, extent: Extent, folder: Path) -> Iterator[Row]:
    subjects: dict[str, Subject] = {
        "ours": Holdfast(make_folder(folder / "ours")),
        "faiss": Mem0(make_folder(folder / "faiss"), "faiss"),
        "qdrant": Mem0(make_folder(folder / "qdrant"), "qdrant"),
    }
    for subject in subjects.values():
        subject.load(make_corpus(size, owners=_OWNERS))
    medians = measure_medians({name: _add_action(subject) for name, subject in subjects.items()}, rounds=extent.rounds)
    measure = f"add(infer=False) at {size:,} memories, against "
    yield Row(measure + "FAISS", medians["ours"], medians["faiss"], unit="ms", at_most=_MAX_RATIO_FAISS[size])
    yield Row(measure + "Qdrant-local", medians["ours"], medians["qdrant"], unit="ms", at_most=_MAX_RATIO_QDRANT)
    for subject in subjects.values():
        subject.close()
    if size == max(_MAX_RATIO_FAISS):
        yield from _measure_disk(subjects, size, size + extent.rounds + WARM_UP)


def _measure_disk(subjects: Mapping[str, Subject], size: int, stored: int) -> Iterator[Row]:
    disk = {name: count_bytes(subject.folder) / stored for name, subject in subjects.items()}
    measure = f"disk per memory at {size:,}, against "
    yield Row(measure + "FAISS", disk["ours"], disk["faiss"], unit="B", at_most=_MAX_RATIO_DISK)
    yield Row(measure + "Qdrant-local", disk["ours"], disk["qdrant"], unit="B")


def _measure_bulk(folder: Path) -> Row:
    """Measure a hundred messages in one call, in an empty store for each round."""
    rounds = range(_BULK_ROUNDS + WARM_UP)
    ours = [Holdfast(make_folder(folder / f"ours-{number}")) for number in rounds]
    peers = [Mem0(make_folder(folder / f"peer-{number}"), "faiss") for number in rounds]
    texts = make_corpus(_BULK, owners=1).texts
    precompute_vectors(texts)
    actions = {
        "ours": lambda number: ours[number].add(texts, owner="user-1"),
        "peer": lambda number: peers[number].add(texts, owner="user-1"),
    }
    medians = measure_medians(actions, rounds=_BULK_ROUNDS)
    subjects: list[Subject] = [*ours, *peers]
    for subject in subjects:
        subject.close()
    measure = f"{_BULK} messages in one add at 0 memories, against FAISS"
    return Row(measure, medians["ours"], medians["peer"], unit="ms", at_most=0.05)


def _measure_growth(extent: Extent, folder: Path) -> Row:
    empty, grown = Holdfast(make_folder(folder / "empty")), Holdfast(make_folder(folder / "grown"))
    grown.load(make_corpus(_GROWN_SIZE, owners=_OWNERS))
    # A new write-ahead log is slower to sync than one of full size, so both stores get some hundred adds first.
    for number, text in enumerate(make_corpus(_WARM_UP_ADDS, owners=1, first=2 * 10**7).texts):
        (empty, grown)[number % 2].add([text], owner="user-1")
    actions = {"empty": _add_action(empty), "grown": _add_action(grown)}
    medians = measure_medians(actions, rounds=4 * extent.rounds)
    empty.close()
    grown.close()
    measure = f"add(infer=False) at {_GROWN_SIZE:,} memories, against ours at 0"
    return Row(measure, medians["grown"], medians["empty"], unit="ms", at_most=1.5)


def _add_action(subject: Subject) -> Callable[[int], object]:
    """Return the action that adds a new text in each round."""
    new = make_corpus(1_000, owners=1, first=10**7)
    precompute_vectors(new.texts)
    return lambda number: subject.add([new.texts[number]], owner="user-1")
