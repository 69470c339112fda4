"""What an acknowledged memory costs: time at several sizes, and bytes on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.corpus import corpus, prepare
from benchmarks.ours import Holdfast
from benchmarks.peer import Mem0
from benchmarks.setting import WARM_UP, Extent, Subject, bytes_in, interleaved, made
from benchmarks.table import Row

_OWNERS = 1_000
_GROWN = 100_000
_AGEING = 1_000
_BULK = 100
_BULK_ROUNDS = 5
_AGAINST_FAISS = {0: 0.5, 1_000: 0.08, 10_000: 0.01}
_AGAINST_QDRANT = 0.4
_DISK = 1.5


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure single adds at 0, 1,000 and 10,000 memories, a hundred at once, and growth."""
    for size in _AGAINST_FAISS:
        yield from _adds_at(size, extent, folder / f"at-{size}")
    yield _hundred_at_once(folder / "hundred")
    yield _growth(extent, folder / "growth")


def _adds_at(size: int, extent: Extent, folder: Path) -> Iterator[Row]:
    subjects: dict[str, Subject] = {
        "ours": Holdfast(made(folder / "ours")),
        "faiss": Mem0(made(folder / "faiss"), "faiss"),
        "qdrant": Mem0(made(folder / "qdrant"), "qdrant"),
    }
    for subject in subjects.values():
        subject.load(corpus(size, owners=_OWNERS))
    took = interleaved({name: _adding(subject) for name, subject in subjects.items()}, rounds=extent.rounds)
    measure = f"add(infer=False) at {size:,} memories, against "
    yield Row(measure + "FAISS", took["ours"], took["faiss"], unit="ms", at_most=_AGAINST_FAISS[size])
    yield Row(measure + "Qdrant-local", took["ours"], took["qdrant"], unit="ms", at_most=_AGAINST_QDRANT)
    for subject in subjects.values():
        subject.close()
    if size == max(_AGAINST_FAISS):
        yield from _disk(subjects, size, size + extent.rounds + WARM_UP)


def _disk(subjects: Mapping[str, Subject], size: int, held: int) -> Iterator[Row]:
    disk = {name: bytes_in(subject.folder) / held for name, subject in subjects.items()}
    measure = f"disk per memory at {size:,}, against "
    yield Row(measure + "FAISS", disk["ours"], disk["faiss"], unit="B", at_most=_DISK)
    yield Row(measure + "Qdrant-local", disk["ours"], disk["qdrant"], unit="B")


def _hundred_at_once(folder: Path) -> Row:
    """Measure a hundred messages in one call, each round on stores that are still empty."""
    rounds = range(_BULK_ROUNDS + WARM_UP)
    ours = [Holdfast(made(folder / f"ours-{number}")) for number in rounds]
    peers = [Mem0(made(folder / f"peer-{number}"), "faiss") for number in rounds]
    texts = corpus(_BULK, owners=1).texts
    prepare(texts)
    actions = {
        "ours": lambda number: ours[number].add(texts, owner="user-1"),
        "peer": lambda number: peers[number].add(texts, owner="user-1"),
    }
    took = interleaved(actions, rounds=_BULK_ROUNDS)
    subjects: list[Subject] = [*ours, *peers]
    for subject in subjects:
        subject.close()
    measure = f"{_BULK} messages in one add at 0 memories, against FAISS"
    return Row(measure, took["ours"], took["peer"], unit="ms", at_most=0.05)


def _growth(extent: Extent, folder: Path) -> Row:
    empty, grown = Holdfast(made(folder / "empty")), Holdfast(made(folder / "grown"))
    grown.load(corpus(_GROWN, owners=_OWNERS))
    # A young log is slower to sync than one that has reached its size: give both some hundred adds first.
    for number, text in enumerate(corpus(_AGEING, owners=1, first=2 * 10**7).texts):
        (empty, grown)[number % 2].add([text], owner="user-1")
    actions = {"empty": _adding(empty), "grown": _adding(grown)}
    took = interleaved(actions, rounds=4 * extent.rounds)
    empty.close()
    grown.close()
    measure = f"add(infer=False) at {_GROWN:,} memories, against ours at 0"
    return Row(measure, took["grown"], took["empty"], unit="ms", at_most=1.5)


def _adding(subject: Subject) -> Callable[[int], object]:
    """Return the action that adds a new text in each round."""
    new = corpus(1_000, owners=1, first=10**7)
    prepare(new.texts)
    return lambda number: subject.add([new.texts[number]], owner="user-1")
