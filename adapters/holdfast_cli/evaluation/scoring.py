"""From the outcomes of a run to its scores, and from two runs to what tells them apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast import InvalidInput
from holdfast_cli.evaluation import metrics
from holdfast_cli.evaluation.locomo import CATEGORIES
from holdfast_cli.evaluation.metrics import Difference, Interval
from holdfast_cli.evaluation.running import BUDGETS, Outcome, Run

OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class Group:
    """The scores of some questions: by measure the mean and its interval, each 0..1."""

    questions: int
    scores: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One conversation's share in the overall score: its own recall, and that of all the others without it."""

    conversation: str
    questions: int
    recall: float
    recall_of_others: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside another one, on the questions both were asked."""

    engines: Mapping[str, str | None]
    questions: int
    scores: Mapping[str, tuple[float, float, Difference]]
    """By measure: this run's mean, the other's, and the difference, positive when this one is better."""


def measures(ks: Sequence[int]) -> list[str]:
    """Return the names of what is measured, in the order of their columns."""
    at = [f"{name}@{k}" for name in ("recall", "hit", "all") for k in ks]
    return [*at, "MRR", "nDCG@10", *(f"context@{room}" for room in BUDGETS)]


def groups_of(outcomes: Sequence[Outcome], ks: Sequence[int]) -> dict[str, Group]:
    """Return the scores of all questions and of each category that has any."""
    members = {OVERALL: list(outcomes)}
    for category in CATEGORIES.values():
        members[category] = [outcome for outcome in outcomes if outcome.category == category]
    return {name: _group(of, ks) for name, of in members.items() if of}


def left_out(outcomes: Sequence[Outcome], k: int) -> list[LeftOut]:
    """Return, conversation by conversation, recall@k with it alone and with all others."""
    recalls: dict[str, list[float]] = {}
    for outcome in outcomes:
        recalls.setdefault(outcome.conversation, []).append(metrics.recall_at(outcome.ranks, k))
    return [_left_out(name, recalls) for name in recalls]


def tokens_of(outcomes: Sequence[Outcome], ks: Sequence[int]) -> dict[int, float]:
    """Return how many tokens the first k results take in the mean, by k."""
    return {k: float(np.mean([outcome.tokens[k] for outcome in outcomes])) for k in ks}


def latency_of(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Return the median and the 95th percentile of a search, in milliseconds."""
    p50, p95 = np.percentile([outcome.milliseconds for outcome in outcomes], [50, 95])
    return float(p50), float(p95)


def compared(mine: Run, other: Run, ks: Sequence[int]) -> Comparison:
    """Compare two runs question by question.

    Raises:
        InvalidInput: They have no question in common, a question has other evidence, or `other` did not look as deep.
    """
    if other.depth < max(ks):
        raise InvalidInput(f"the other run looked at {other.depth} results: compare with a --k of at most that")
    theirs = {outcome.id: outcome for outcome in other.outcomes}
    pairs = [(outcome, theirs[outcome.id]) for outcome in mine.outcomes if outcome.id in theirs]
    if not pairs:
        raise InvalidInput("the two runs have no question in common: compare runs on the same files")
    for one, another in pairs:
        if len(one.ranks) != len(another.ranks):
            raise InvalidInput(f"{one.id} has other evidence in the other run: compare runs on the same files")
    ours, others = (_table(list(side), ks) for side in zip(*pairs, strict=True))
    columns = zip(ours.mean(axis=0), others.mean(axis=0), metrics.differences(ours, others), strict=True)
    scores = {name: (float(a), float(b), by) for name, (a, b, by) in zip(measures(ks), columns, strict=True)}
    return Comparison(other.engines, len(pairs), scores)


def _group(outcomes: Sequence[Outcome], ks: Sequence[int]) -> Group:
    return Group(len(outcomes), dict(zip(measures(ks), metrics.intervals(_table(outcomes, ks)), strict=True)))


def _table(outcomes: Sequence[Outcome], ks: Sequence[int]) -> NDArray[np.float64]:
    return np.array([_row(outcome, ks) for outcome in outcomes], dtype=np.float64)


def _row(outcome: Outcome, ks: Sequence[int]) -> list[float]:
    ranks = outcome.ranks
    at = [measure(ranks, k) for measure in (metrics.recall_at, metrics.hit_at, metrics.all_at) for k in ks]
    context = [outcome.context[room] for room in BUDGETS]
    return [*at, metrics.reciprocal_rank(ranks), metrics.discounted_gain(ranks), *context]


def _left_out(name: str, recalls: Mapping[str, Sequence[float]]) -> LeftOut:
    others = [recall for other, values in recalls.items() if other != name for recall in values]
    mine = recalls[name]
    return LeftOut(name, len(mine), float(np.mean(mine)), float(np.mean(others)) if others else None)
