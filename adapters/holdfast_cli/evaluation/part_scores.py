"""Score the parts of a search on plain questions, and say with which embedder they are answered best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast_cli.evaluation import metrics
from holdfast_cli.evaluation.metrics import Interval
from holdfast_cli.evaluation.parts import FUSED, PARTS, PartOutcome, PartRun

RELIABLE_SCORE = 0.5
"""A result with at least this score is expected to answer the question."""

_MEASURES = {"recall": metrics.recall_at, "hit": metrics.hit_at}


@dataclass(frozen=True, slots=True)
class PartGroup:
    """The scores of a group of questions, by part and measure, 0 to 1."""

    questions: int
    parts: Mapping[str, Mapping[str, Interval]]


@dataclass(frozen=True, slots=True)
class EmbedderReport:
    """The scores with one embedder.

    Attributes:
        overall: All questions with an answer, `None` if there is none.
        groups: Those of each domain and kind.
        unanswered: The number of questions without an answer.
        false_alarms: The share of these with a result of at least `RELIABLE_SCORE`, `None` if there are none.
        reliable: The number of results with at least that score, for all questions.
        reliable_answers: How many of these are answers.
    """

    run: PartRun
    overall: PartGroup | None
    groups: Mapping[str, PartGroup]
    unanswered: int
    false_alarms: Interval | None
    reliable: int
    reliable_answers: int


@dataclass(frozen=True, slots=True)
class Best:
    """The embedder with the highest recall of the default search.

    Attributes:
        embedder: Its name.
        measure: What it was chosen by, such as `recall@5`.
        score: Its mean.
        second: The next best embedder, `None` if there is no other.
        lead: How much higher the score is, with its interval and the p of a sign-flip test; `None` without a second.
    """

    embedder: str
    measure: str
    score: float
    second: str | None = None
    lead: metrics.Difference | None = None


def list_part_measures(ks: Sequence[int]) -> list[str]:
    """Return the names of the measures, in the order of the columns."""
    return [f"{name}@{k}" for name in _MEASURES for k in ks]


def score_embedder(run: PartRun, ks: Sequence[int]) -> EmbedderReport:
    """Return the scores of a run at each number of results in `ks`."""
    answered = [one for one in run.outcomes if one.ranks[FUSED]]
    unanswered = [one for one in run.outcomes if not one.ranks[FUSED]]
    names = dict.fromkeys(name for at in (0, 1) for one in answered for name in one.groups[at : at + 1])
    alarms = [[float(any(score >= RELIABLE_SCORE for score, _ in one.answering))] for one in unanswered]
    reliable = [is_answer for one in run.outcomes for score, is_answer in one.answering if score >= RELIABLE_SCORE]
    return EmbedderReport(
        run=run,
        overall=_score_group(answered, ks) if answered else None,
        groups={name: _score_group([one for one in answered if name in one.groups], ks) for name in names},
        unanswered=len(unanswered),
        false_alarms=metrics.bootstrap_intervals(np.array(alarms))[0] if alarms else None,
        reliable=len(reliable),
        reliable_answers=sum(reliable),
    )


def choose_best(reports: Sequence[EmbedderReport], ks: Sequence[int]) -> Best | None:
    """Return the embedder with the highest recall at the first k, then at the next; `None` without answers."""
    tables = {
        one.run.embedder: _to_table([outcome for outcome in one.run.outcomes if outcome.ranks[FUSED]], FUSED, ks)
        for one in reports
        if one.overall is not None
    }
    if not tables:
        return None
    first, *others = sorted(tables, key=lambda name: tuple(tables[name].mean(axis=0)), reverse=True)
    measure, score = list_part_measures(ks)[0], float(tables[first][:, 0].mean())
    if not others:
        return Best(first, measure, score)
    lead = metrics.compare_columns(tables[first][:, :1], tables[others[0]][:, :1])[0]
    return Best(first, measure, score, others[0], lead)


def reports_to_json(
    reports: Sequence[EmbedderReport], best: Best | None, left_out: Mapping[str, str]
) -> dict[str, Any]:
    """Return the scores of all embedders as JSON types, from 0 to 1, without the text of questions and memories."""
    return {
        "questions": len(reports[0].run.outcomes),
        "embedders": [_report_to_json(one) for one in reports],
        "left_out": dict(left_out),
        "best": None if best is None else asdict(best),
    }


def _report_to_json(report: EmbedderReport) -> dict[str, Any]:
    alarms = report.false_alarms
    return {
        "embedder": report.run.embedder,
        "fingerprint": report.run.fingerprint,
        "overall": None if report.overall is None else asdict(report.overall),
        "groups": {name: asdict(group) for name, group in report.groups.items()},
        "without_answer": {"questions": report.unanswered, "with_result": None if alarms is None else asdict(alarms)},
        "reliable": {
            "score": RELIABLE_SCORE,
            "results": report.reliable,
            "answers": report.reliable_answers,
        },
        "outcomes": [asdict(outcome) for outcome in report.run.outcomes],
    }


def _score_group(outcomes: Sequence[PartOutcome], ks: Sequence[int]) -> PartGroup:
    names = list_part_measures(ks)
    scores = {part: metrics.bootstrap_intervals(_to_table(outcomes, part, ks)) for part in PARTS}
    return PartGroup(len(outcomes), {part: dict(zip(names, scores[part], strict=True)) for part in PARTS})


def _to_table(outcomes: Sequence[PartOutcome], part: str, ks: Sequence[int]) -> NDArray[np.float64]:
    rows = [[measure(one.ranks[part], k) for measure in _MEASURES.values() for k in ks] for one in outcomes]
    return np.array(rows, dtype=np.float64)
