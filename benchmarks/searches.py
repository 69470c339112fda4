"""What finding costs, and whether what belongs to the answer is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.corpus import Corpus, corpus, mirrored, prepare, queries
from benchmarks.ours import Holdfast
from benchmarks.peer import Mem0
from benchmarks.setting import WARM_UP, Extent, Subject, interleaved, made, recall
from benchmarks.table import Row

_SCOPE = 1_000
_RECALL_QUERIES = 200
_LONGEST = {100_000: 3.0, 1_000_000: 5.0}  # milliseconds


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure one user with everything, a thousand users, and one scope among very many memories."""
    yield from _one_user(extent, folder / "one-user")
    yield from _thousand_users(extent, folder / "thousand-users")
    for size, longest in _LONGEST.items():
        if size <= extent.largest:
            yield _one_scope(size, longest, extent, folder / f"scope-{size}")


def _one_user(extent: Extent, folder: Path) -> Iterator[Row]:
    known = corpus(100_000, owners=1)
    ours, peer = _both(known, folder)
    asked = queries(extent.rounds + WARM_UP)
    actions = {"ours": _searching(ours, asked, known), "peer": _searching(peer, asked, known)}
    took = interleaved(actions, rounds=extent.rounds)
    measure = "search, 1 user, 100,000 memories, against FAISS"
    yield Row(measure, took["ours"], took["peer"], unit="ms", at_most=0.7)
    ours.close()
    peer.close()


def _thousand_users(extent: Extent, folder: Path) -> Iterator[Row]:
    known = corpus(10_000, owners=1_000)
    ours, peer = _both(known, folder)
    asked = queries(4 * extent.rounds + WARM_UP)
    actions = {"ours": _searching(ours, asked, known), "peer": _searching(peer, asked, known)}
    took = interleaved(actions, rounds=4 * extent.rounds)
    measure = "search, 1,000 users, 10,000 memories, against FAISS"
    yield Row(measure, took["ours"], took["peer"], unit="ms", at_most=0.25)
    # Words of no memory: only the vectors speak, so brute force over the vectors is the truth.
    asked = [mirrored(query) for query in queries(_RECALL_QUERIES)]
    found = {"ours": recall(ours, asked, known), "peer": recall(peer, asked, known)}
    measure = "recall@10, 1,000 users, 10,000 memories"
    yield Row(measure, found["ours"], found["peer"], at_least=1.0, of_ours=True)
    ours.close()
    peer.close()


def _one_scope(size: int, longest: float, extent: Extent, folder: Path) -> Row:
    known = corpus(size, owners=size // _SCOPE)
    ours = Holdfast(made(folder))
    ours.load(known)
    asked = queries(4 * extent.rounds + WARM_UP)
    took = interleaved({"ours": _searching(ours, asked, known)}, rounds=4 * extent.rounds)
    ours.close()
    measure = f"keyword and vector search, scope of {_SCOPE:,} among {size:,}"
    return Row(measure, took["ours"], unit="ms", at_most=longest)


def _both(known: Corpus, folder: Path) -> tuple[Holdfast, Mem0]:
    ours, peer = Holdfast(made(folder / "ours")), Mem0(made(folder / "peer"), "faiss")
    ours.load(known)
    peer.load(known)
    return ours, peer


def _searching(subject: Subject, asked: list[str], known: Corpus) -> Callable[[int], object]:
    """Return the action that asks for another owner in each round."""
    prepare(asked)
    return lambda number: subject.search(asked[number], owner=known.owners[number])
