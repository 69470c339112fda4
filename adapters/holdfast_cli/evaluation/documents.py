"""Results as JSON: what `--json` prints and `--compare` reads. No text of a conversation is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from holdfast import InvalidInput
from holdfast_cli.evaluation import scoring
from holdfast_cli.evaluation.running import BUDGETS, Outcome, Run
from holdfast_cli.evaluation.scoring import Comparison, Group, LeftOut
from holdfast_cli.options import text_of_file


@dataclass(frozen=True, slots=True)
class Report:
    """A run with its scores, and how it stands beside another one, if any.

    Attributes:
        judged_at: The k of the leave-one-conversation-out scores.
    """

    run: Run
    ks: Sequence[int]
    groups: Mapping[str, Group]
    judged_at: int
    left_out: Sequence[LeftOut]
    tokens: Mapping[int, float]
    latency: tuple[float, float]
    comparison: Comparison | None


def report_on(run: Run, ks: Sequence[int], other: Run | None) -> Report:
    """Return the report on a run, compared with `other`.

    Raises:
        InvalidInput: The two cannot be compared.
    """
    judged_at = min(ks, key=lambda k: abs(k - 10))
    return Report(
        run=run,
        ks=ks,
        groups=scoring.groups_of(run.outcomes, ks),
        judged_at=judged_at,
        left_out=scoring.left_out(run.outcomes, judged_at),
        tokens=scoring.tokens_of(run.outcomes, ks),
        latency=scoring.latency_of(run.outcomes),
        comparison=None if other is None else scoring.compared(run, other, ks),
    )


def document_of(report: Report) -> dict[str, Any]:
    """Return a report as a dictionary fit for JSON: scores 0..1, latency in milliseconds."""
    run = report.run
    return {
        "engines": dict(run.engines),
        "turns": run.turns,
        "questions": len(run.outcomes),
        "adding_seconds": round(run.adding_seconds, 3),
        "latency_ms": dict(zip(("p50", "p95"), report.latency, strict=True)),
        "scores": {name: asdict(group) for name, group in report.groups.items()},
        "tokens": {str(k): count for k, count in report.tokens.items()},
        "tokens_counted_by": run.counted_by,
        "leave_one_out": {"k": report.judged_at, "conversations": [asdict(one) for one in report.left_out]},
        "comparison": None if report.comparison is None else _compared(report.comparison),
        "depth": run.depth,
        "outcomes": [asdict(outcome) for outcome in run.outcomes],
    }


def run_in(path: str) -> Run:
    """Return the run that an earlier `--json` told of.

    Raises:
        InvalidInput: The file cannot be read, or holds no such result.
    """
    text = text_of_file(path)
    try:
        return _run(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is no result of `holdfast eval --json` ({type(error).__name__}: {error})"
        ) from error


def _run(document: Mapping[str, Any]) -> Run:
    outcomes = [_outcome(one) for one in document["outcomes"]]
    if not outcomes:
        raise ValueError("it has no outcomes")
    return Run(
        engines={str(role): name for role, name in document["engines"].items()},
        turns=int(document["turns"]),
        adding_seconds=float(document["adding_seconds"]),
        depth=int(document["depth"]),
        outcomes=outcomes,
        counted_by=str(document.get("tokens_counted_by", "")),
    )


def _outcome(value: Mapping[str, Any]) -> Outcome:
    ranks = tuple(None if rank is None else int(rank) for rank in value["ranks"])
    if not ranks:
        raise ValueError(f"the question {value['id']} has no evidence")
    return Outcome(
        id=str(value["id"]),
        conversation=str(value["conversation"]),
        category=str(value["category"]),
        ranks=ranks,
        tokens={int(k): float(count) for k, count in value["tokens"].items()},
        context={room: float(value["context"][str(room)]) for room in BUDGETS},
        milliseconds=float(value["milliseconds"]),
    )


def _compared(comparison: Comparison) -> dict[str, Any]:
    scores = {
        name: {"this": ours, "other": theirs, **asdict(by.by), "p": by.p}
        for name, (ours, theirs, by) in comparison.scores.items()
    }
    return {"engines": dict(comparison.engines), "questions": comparison.questions, "scores": scores}
