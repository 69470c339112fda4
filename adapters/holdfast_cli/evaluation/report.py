"""Reports as JSON, which `--json` prints and `--compare` reads; they hold no text of a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from holdfast import InvalidInput
from holdfast_cli.evaluation import scores
from holdfast_cli.evaluation.run import BUDGETS, Outcome, Run
from holdfast_cli.evaluation.scores import Comparison, ConversationScore, Group
from holdfast_cli.options import read_file


@dataclass(frozen=True, slots=True)
class Report:
    """A run with its scores, and its comparison with another one, if any.

    Attributes:
        run: The run.
        ks: The numbers of results measured at.
        groups: The scores by group of questions.
        conversation_k: The k of the scores by conversation.
        conversations: The scores by conversation.
        tokens: The mean number of tokens of the first k results, by k.
        latency: The median and the 95th percentile of the duration of a search, in milliseconds.
        comparison: The comparison with another run.
    """

    run: Run
    ks: Sequence[int]
    groups: Mapping[str, Group]
    conversation_k: int
    conversations: Sequence[ConversationScore]
    tokens: Mapping[int, float]
    latency: tuple[float, float]
    comparison: Comparison | None


def make_report(run: Run, ks: Sequence[int], other: Run | None) -> Report:
    """Return the report on a run, compared with `other`.

    Raises:
        InvalidInput: The two cannot be compared.
    """
    conversation_k = min(ks, key=lambda k: abs(k - 10))
    return Report(
        run=run,
        ks=ks,
        groups=scores.score_groups(run.outcomes, ks),
        conversation_k=conversation_k,
        conversations=scores.score_conversations(run.outcomes, conversation_k),
        tokens=scores.mean_tokens(run.outcomes, ks),
        latency=scores.latency_percentiles(run.outcomes),
        comparison=None if other is None else scores.compare_runs(run, other, ks),
    )


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON types, with scores from 0 to 1 and durations in milliseconds."""
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
        "leave_one_out": {"k": report.conversation_k, "conversations": [asdict(one) for one in report.conversations]},
        "comparison": None if report.comparison is None else _comparison_to_json(report.comparison),
        "depth": run.depth,
        "outcomes": [asdict(outcome) for outcome in run.outcomes],
    }


def read_run(path: str) -> Run:
    """Return the run in a file that `--json` printed.

    Raises:
        InvalidInput: The file cannot be read, or holds no report.
    """
    text = read_file(path)
    try:
        return _parse_run(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not a result of `holdfast eval --json` ({type(error).__name__}: {error})"
        ) from error


def _parse_run(document: Mapping[str, Any]) -> Run:
    outcomes = [_parse_outcome(one) for one in document["outcomes"]]
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


def _parse_outcome(value: Mapping[str, Any]) -> Outcome:
    ranks = tuple(None if rank is None else int(rank) for rank in value["ranks"])
    if not ranks:
        raise ValueError(f"the question {value['id']} has no evidence")
    return Outcome(
        id=str(value["id"]),
        conversation=str(value["conversation"]),
        category=str(value["category"]),
        ranks=ranks,
        tokens={int(k): float(count) for k, count in value["tokens"].items()},
        context={size: float(value["context"][str(size)]) for size in BUDGETS},
        milliseconds=float(value["milliseconds"]),
    )


def _comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    scores = {
        name: {"this": ours, "other": theirs, **asdict(by.by), "p": by.p}
        for name, (ours, theirs, by) in comparison.scores.items()
    }
    return {"engines": dict(comparison.engines), "questions": comparison.questions, "scores": scores}
