"""`eval` of plain questions: the scores of each part of the search, with each embedder that is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from holdfast import ConfigError, Memory, ProviderError
from holdfast_cli.evaluation.metrics import Interval
from holdfast_cli.evaluation.part_scores import (
    RELIABLE_SCORE,
    Best,
    EmbedderReport,
    choose_best,
    list_part_measures,
    reports_to_json,
    score_embedder,
)
from holdfast_cli.evaluation.parts import FUSED, VECTORS, WORDS, PartRun, run_parts
from holdfast_cli.evaluation.question_sets import PlainQuestion, parse_questions
from holdfast_cli.file_import import make_progress_bar
from holdfast_cli.output import format_count, print_json, print_table, stdout_console

_DEFAULT_EMBEDDERS = ("hashing", "static", "sentence-transformers")
"""Those that need neither a key nor the name of a model. Of these, the ones that are installed run."""

_SHOWN = {FUSED: "fused", VECTORS: "vectors alone", WORDS: "words alone"}
_CLEAR_P = 0.05


def evaluate_questions(
    texts: Mapping[str, str], *, embedders: Sequence[str], split: str | None, ks: Sequence[int], as_json: bool
) -> None:
    """Print the scores of each part of the search on the questions of the files.

    Args:
        texts: The content of each file by its path.
        embedders: The embedders to run; empty for every one that is installed.
        split: Only the questions of this split; `None` for all.
        ks: The numbers of results to measure at, ascending.
        as_json: Print one JSON document.

    Raises:
        InvalidInput: A line of a file has another format.
        ImportError: The package of a named embedder is missing.
        HoldfastError: A named embedder cannot be used.
    """
    questions = parse_questions(texts, split=split)
    for name in embedders:
        Memory(":memory:", llm="rules", embedder=name).close()  # an unusable one is reported before the long run
    reports, left_out = _run_all(questions, embedders, ks)
    best = choose_best(reports, ks)
    if as_json:
        print_json(reports_to_json(reports, best, left_out))
    else:
        _print(questions, reports, left_out, best, ks)


def _run_all(
    questions: Sequence[PlainQuestion], embedders: Sequence[str], ks: Sequence[int]
) -> tuple[list[EmbedderReport], dict[str, str]]:
    names = list(dict.fromkeys(embedders)) or _DEFAULT_EMBEDDERS
    reports, left_out = [], {}
    with make_progress_bar() as bar:
        task = bar.add_task("opening", total=len(names) * len(questions))
        for number, name in enumerate(names):
            bar.update(task, description=name, completed=number * len(questions))
            try:
                run = _run(questions, name, depth=max(ks), on_step=lambda: bar.update(task, advance=1))
            except (ImportError, ConfigError, ProviderError) as error:
                if embedders:
                    raise
                left_out[name] = str(error)
            else:
                reports.append(score_embedder(run, ks))
    return reports, left_out


def _run(questions: Sequence[PlainQuestion], name: str, *, depth: int, on_step: Callable[[], object]) -> PartRun:
    with tempfile.TemporaryDirectory(prefix="holdfast-eval-") as folder:
        store = str(Path(folder) / "memory.db")
        with Memory(store, llm="rules", embedder=name) as memory:
            return run_parts(memory, questions, embedder=name, depth=depth, on_step=on_step)


def _print(
    questions: Sequence[PlainQuestion],
    reports: Sequence[EmbedderReport],
    left_out: Mapping[str, str],
    best: Best | None,
    ks: Sequence[int],
) -> None:
    console = stdout_console()
    if console.is_terminal:
        memories = sum(map(len, {id(one.memories): one.memories for one in questions}.values()))
        counts = (memories, "memory"), (len(questions), "question")
        console.print(", ".join(format_count(count, noun) for count, noun in counts), style="bold")
    print_table(["embedder", "%", *_SHOWN.values()], _score_rows(reports, ks))
    measure = list_part_measures(ks)[0]
    if any(one.groups for one in reports):
        print_table(
            ["embedder", f"{measure}, %", "questions", *_SHOWN.values()],
            _group_rows(reports, measure),
        )
    print_table(["embedder", f"results with a score of {RELIABLE_SCORE} or more", ""], _reliability_rows(reports))
    for name, reason in left_out.items():
        typer.echo(f"left out: {name}\t{reason}", err=True)
    if best is not None:
        typer.echo(_describe_best(best))


def _score_rows(reports: Sequence[EmbedderReport], ks: Sequence[int]) -> Iterator[list[str]]:
    for report in reports:
        if report.overall is not None:
            for measure in list_part_measures(ks):
                scores = (report.overall.parts[part][measure] for part in _SHOWN)
                yield [report.run.embedder, measure, *map(format_interval, scores)]


def _group_rows(reports: Sequence[EmbedderReport], measure: str) -> Iterator[list[str]]:
    for report in reports:
        for group_name, group in report.groups.items():
            scores = (group.parts[part][measure] for part in _SHOWN)
            yield [report.run.embedder, group_name, f"{group.questions:,}", *map(format_interval, scores)]


def _reliability_rows(reports: Sequence[EmbedderReport]) -> Iterator[list[str]]:
    for report in reports:
        name = report.run.embedder
        if report.reliable:
            share = 100 * report.reliable_answers / report.reliable
            yield [name, "of these, answers", f"{share:.1f} % of {report.reliable:,}"]
        if report.false_alarms is not None:
            share_with = f"{format_interval(report.false_alarms)} % of {report.unanswered:,}"
            yield [name, "questions without an answer that have one", share_with]


def format_interval(score: Interval) -> str:
    """Return a mean and half the width of its interval, in per cent."""
    return f"{100 * score.mean:.1f} \N{PLUS-MINUS SIGN}{50 * (score.high - score.low):.1f}"


def _describe_best(best: Best) -> str:
    text = f"best: {best.embedder}, {best.measure} {100 * best.score:.1f} %"
    if best.lead is None:
        return text
    lead = f"{100 * best.lead.by.mean:+.1f} against {best.second} (p {best.lead.p:.4f})"
    return f"{text}, {lead}" + ("" if best.lead.p < _CLEAR_P else ", which may be chance")
