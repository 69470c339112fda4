"""Measure the duration and the recall of searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import growth
from benchmarks.corpus import Corpus, make_corpus, make_queries, precompute_vectors, reverse_words
from benchmarks.holdfast_subject import Holdfast
from benchmarks.measurement import WARM_UP, Extent, Subject, make_folder, measure_medians, measure_recall
from benchmarks.mem0_subject import Mem0
from benchmarks.table import Row

_RECALL_QUERIES = 200


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure one user with all memories, a thousand users, and one scope in a growing store."""
    yield from _one_user(extent, folder / "one-user")
    yield from _thousand_users(extent, folder / "thousand-users")
    yield from growth.rows(extent, make_folder(folder / "growth"))


def _one_user(extent: Extent, folder: Path) -> Iterator[Row]:
    corpus = make_corpus(100_000, owners=1)
    ours, peer = _load_both(corpus, folder)
    queries = make_queries(extent.rounds + WARM_UP)
    actions = {"ours": _search_action(ours, queries, corpus), "peer": _search_action(peer, queries, corpus)}
    medians = measure_medians(actions, rounds=extent.rounds)
    measure = "search, 1 user, 100,000 memories, against FAISS"
    yield Row(measure, medians["ours"], medians["peer"], unit="ms", at_most=0.7)
    ours.close()
    peer.close()


def _thousand_users(extent: Extent, folder: Path) -> Iterator[Row]:
    corpus = make_corpus(10_000, owners=1_000)
    ours, peer = _load_both(corpus, folder)
    queries = make_queries(4 * extent.rounds + WARM_UP)
    actions = {"ours": _search_action(ours, queries, corpus), "peer": _search_action(peer, queries, corpus)}
    medians = measure_medians(actions, rounds=4 * extent.rounds)
    measure = "search, 1,000 users, 10,000 memories, against FAISS"
    yield Row(measure, medians["ours"], medians["peer"], unit="ms", at_most=0.25)
    # No memory contains these words, so the ranking depends on the vectors only and brute force gives the right answer.
    queries = [reverse_words(query) for query in make_queries(_RECALL_QUERIES)]
    recalls = {"ours": measure_recall(ours, queries, corpus), "peer": measure_recall(peer, queries, corpus)}
    measure = "recall@10, 1,000 users, 10,000 memories"
    yield Row(measure, recalls["ours"], recalls["peer"], at_least=1.0, of_ours=True)
    ours.close()
    peer.close()


def _load_both(corpus: Corpus, folder: Path) -> tuple[Holdfast, Mem0]:
    ours, peer = Holdfast(make_folder(folder / "ours")), Mem0(make_folder(folder / "peer"), "faiss")
    ours.load(corpus)
    peer.load(corpus)
    return ours, peer


def _search_action(subject: Subject, queries: list[str], corpus: Corpus) -> Callable[[int], object]:
    """Return the action that searches for another owner in each round."""
    precompute_vectors(queries)
    return lambda number: subject.search(queries[number], owner=corpus.owners[number])
