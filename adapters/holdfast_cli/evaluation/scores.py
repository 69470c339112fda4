"""Compute the scores of a run, and compare the scores of two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast import InvalidInput
from holdfast_cli.evaluation import metrics
from holdfast_cli.evaluation.locomo import CATEGORIES
from holdfast_cli.evaluation.metrics import Difference, Interval
from holdfast_cli.evaluation.run import BUDGETS, Outcome, Run

OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class Group:
    """The scores of a group of questions: the mean of each measure with its interval, 0 to 1."""

    questions: int
    scores: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class ConversationScore:
    """The recall of one conversation, and the recall of all the other ones."""

    conversation: str
    questions: int
    recall: float
    recall_of_others: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two runs on the questions of both."""

    engines: Mapping[str, str | None]
    questions: int
    scores: Mapping[str, tuple[float, float, Difference]]
    """By measure: the mean of this run, the mean of the other, and the difference, positive if this one is better."""


def list_measures(ks: Sequence[int]) -> list[str]:
    """Return the names of the measures, in the order of the columns."""
    at = [f"{name}@{k}" for name in ("recall", "hit", "all") for k in ks]
    return [*at, "MRR", "nDCG@10", *(f"context@{room}" for room in BUDGETS)]


def score_groups(outcomes: Sequence[Outcome], ks: Sequence[int]) -> dict[str, Group]:
    """Return the scores of all questions, and of each category with questions."""
    members = {OVERALL: list(outcomes)}
    for category in CATEGORIES.values():
        members[category] = [outcome for outcome in outcomes if outcome.category == category]
    return {name: _score_group(of, ks) for name, of in members.items() if of}


def score_conversations(outcomes: Sequence[Outcome], k: int) -> list[ConversationScore]:
    """Return recall@k for each conversation alone, and for all the other ones."""
    recalls: dict[str, list[float]] = {}
    for outcome in outcomes:
        recalls.setdefault(outcome.conversation, []).append(metrics.recall_at(outcome.ranks, k))
    return [_score_conversation(name, recalls) for name in recalls]


def mean_tokens(outcomes: Sequence[Outcome], ks: Sequence[int]) -> dict[int, float]:
    """Return the mean number of tokens of the first k results, by k."""
    return {k: float(np.mean([outcome.tokens[k] for outcome in outcomes])) for k in ks}


def latency_percentiles(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the duration of a search, in milliseconds."""
    p50, p95 = np.percentile([outcome.milliseconds for outcome in outcomes], [50, 95])
    return float(p50), float(p95)


def compare_runs(mine: Run, other: Run, ks: Sequence[int]) -> Comparison:
    """Compare two runs question by question.

    Raises:
        InvalidInput: They have no question in common, a question has other evidence, or the depth of `other` is too
            small.
    """
    if other.depth < max(ks):
        raise InvalidInput(f"the other run has {other.depth} results per question: use a --k of at most that")
    theirs = {outcome.id: outcome for outcome in other.outcomes}
    pairs = [(outcome, theirs[outcome.id]) for outcome in mine.outcomes if outcome.id in theirs]
    if not pairs:
        raise InvalidInput("the two runs have no question in common: compare runs on the same files")
    for one, another in pairs:
        if len(one.ranks) != len(another.ranks):
            raise InvalidInput(f"{one.id} has other evidence in the other run: compare runs on the same files")
    ours, others = (_to_table(list(side), ks) for side in zip(*pairs, strict=True))
    columns = zip(ours.mean(axis=0), others.mean(axis=0), metrics.compare_columns(ours, others), strict=True)
    scores = {name: (float(a), float(b), by) for name, (a, b, by) in zip(list_measures(ks), columns, strict=True)}
    return Comparison(other.engines, len(pairs), scores)


def _score_group(outcomes: Sequence[Outcome], ks: Sequence[int]) -> Group:
    return Group(
        len(outcomes), dict(zip(list_measures(ks), metrics.bootstrap_intervals(_to_table(outcomes, ks)), strict=True))
    )


def _to_table(outcomes: Sequence[Outcome], ks: Sequence[int]) -> NDArray[np.float64]:
    return np.array([_to_row(outcome, ks) for outcome in outcomes], dtype=np.float64)


def _to_row(outcome: Outcome, ks: Sequence[int]) -> list[float]:
    ranks = outcome.ranks
    at = [measure(ranks, k) for measure in (metrics.recall_at, metrics.hit_at, metrics.all_at) for k in ks]
    context = [outcome.context[room] for room in BUDGETS]
    return [*at, metrics.reciprocal_rank(ranks), metrics.discounted_gain(ranks), *context]


def _score_conversation(name: str, recalls: Mapping[str, Sequence[float]]) -> ConversationScore:
    others = [recall for other, values in recalls.items() if other != name for recall in values]
    mine = recalls[name]
    return ConversationScore(name, len(mine), float(np.mean(mine)), float(np.mean(others)) if others else None)
