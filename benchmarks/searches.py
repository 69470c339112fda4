"""What finding costs, and whether what belongs to the answer is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import growth
from benchmarks.corpus import Corpus, corpus, mirrored, prepare, queries
from benchmarks.ours import Holdfast
from benchmarks.peer import Mem0
from benchmarks.setting import WARM_UP, Extent, Subject, interleaved, made, recall
from benchmarks.table import Row

_RECALL_QUERIES = 200


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure one user with everything, a thousand users, and one scope in a store that grows."""
    yield from _one_user(extent, folder / "one-user")
    yield from _thousand_users(extent, folder / "thousand-users")
    yield from growth.rows(extent, made(folder / "growth"))


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


def _both(known: Corpus, folder: Path) -> tuple[Holdfast, Mem0]:
    ours, peer = Holdfast(made(folder / "ours")), Mem0(made(folder / "peer"), "faiss")
    ours.load(known)
    peer.load(known)
    return ours, peer


def _searching(subject: Subject, asked: list[str], known: Corpus) -> Callable[[int], object]:
    """Return the action that asks for another owner in each round."""
    prepare(asked)
    return lambda number: subject.search(asked[number], owner=known.owners[number])
