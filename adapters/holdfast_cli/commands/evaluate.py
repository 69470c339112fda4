"""`eval`: measure how well questions find the turns that answer them, on conversations in LoCoMo's format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from holdfast import InvalidInput, Memory
from holdfast_cli import options
from holdfast_cli.evaluation.locomo import Sample, read_samples
from holdfast_cli.evaluation.metrics import Interval
from holdfast_cli.evaluation.plot import check_plot, draw_plot
from holdfast_cli.evaluation.report import Report, make_report, read_run, to_json
from holdfast_cli.evaluation.run import BUDGETS, Run, run_evaluation
from holdfast_cli.evaluation.scores import Comparison
from holdfast_cli.file_import import make_progress_bar
from holdfast_cli.open_store import store_exists
from holdfast_cli.output import format_count, print_json, print_table, stdout_console

_MAX_RESULTS = 1_000
_MIN_P = 1e-4  # the resolution of 10,000 random assignments


def evaluate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Conversations in LoCoMo's format.")],
    *,
    llm: options.Llm = None,
    embedder: options.Embedder = None,
    keep_turns: Annotated[
        bool, typer.Option("--keep-turns", help="Also extract facts from each turn, by which it is found too.")
    ] = False,
    limit_conversations: Annotated[int | None, typer.Option(min=1, help="Use only the first conversations.")] = None,
    k: Annotated[str, typer.Option(metavar="NUMBERS", help="The numbers of results to measure at.")] = "5,10,20,50",
    compare: Annotated[
        str | None, typer.Option(metavar="FILE", help="Compare with what an earlier --json printed.")
    ] = None,
    embedder_b: Annotated[
        str | None, typer.Option(metavar="PRESET", help="Run again with this embedder, and compare.")
    ] = None,
    plot_file: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw the scores to a .png or .svg.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", metavar="FILE", help="Keep the store in this file, which must not exist.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Measure how well questions find the turns that answer them.

    Adds every session unchanged (with --keep-turns also its facts, with one or two model calls per turn) and searches
    every question once within its conversation. Scores are per cent with 95 % bootstrap intervals; a comparison is
    tested question by question.
    """
    ks = _parse_ks(k)
    if plot_file is not None:
        check_plot(plot_file)
    if compare is not None and embedder_b is not None:
        raise InvalidInput("--compare and --embedder-b each name what to compare with: give one")
    if path is not None and store_exists(path):
        raise InvalidInput(f"{path} exists: an evaluation needs an empty store, name a new file")
    other = None if compare is None else read_run(compare)
    samples = read_samples(files)[:limit_conversations]
    if not any(sample.questions for sample in samples):
        raise InvalidInput("no question of these conversations names a turn that exists: use more of them")
    if embedder_b is not None:
        Memory(":memory:", llm=llm, embedder=embedder_b).close()  # an unusable embedder is reported before the long run
    run = _run(samples, ks, llm=llm, embedder=embedder, keep_turns=keep_turns, path=path)
    if embedder_b is not None:
        other = _run(samples, ks, llm=llm, embedder=embedder_b, keep_turns=keep_turns, path=None)
    report = make_report(run, ks, other)
    if plot_file is not None:
        draw_plot(report, plot_file)
    if as_json:
        print_json(to_json(report))
    else:
        _print(report, samples)


def _parse_ks(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and part.isascii() and 1 <= int(part[:5]) <= _MAX_RESULTS for part in parts):
        raise InvalidInput(f"--k is {text!r}: give whole numbers from 1 to {_MAX_RESULTS:,}, such as 5,10,20")
    return sorted({int(part) for part in parts})


def _run(
    samples: Sequence[Sample],
    ks: Sequence[int],
    *,
    llm: str | None,
    embedder: str | None,
    keep_turns: bool,
    path: str | None,
) -> Run:
    steps = sum(len(sample.sessions) + len(sample.questions) for sample in samples)
    with tempfile.TemporaryDirectory(prefix="holdfast-eval-") as folder, make_progress_bar() as bar:
        task = bar.add_task("opening", total=steps)
        store = path or str(Path(folder) / "memory.db")
        with Memory(store, llm=llm, embedder=embedder) as memory:
            return run_evaluation(
                memory,
                samples,
                ks=ks,
                on_step=lambda name: bar.update(task, advance=1, description=name),
                keep_turns=keep_turns,
            )


def _print(report: Report, samples: Sequence[Sample]) -> None:
    console = stdout_console()
    if console.is_terminal:
        counts = (len(samples), "conversation"), (report.run.turns, "turn"), (len(report.run.outcomes), "question")
        heading = ", ".join(format_count(count, noun) for count, noun in counts)
        console.print(Text.assemble((heading, "bold"), (f"\n{_format_engines(report.run.engines)}", "dim")))
    print_table(["%", *report.groups], _score_rows(report))
    print_table(
        [f"recall@{report.conversation_k}, %", "questions", "it alone", "without it"], _conversation_rows(report)
    )
    p50, p95 = report.latency
    print_table(
        ["cost", ""], [*_token_pairs(report), ("search p50, ms", f"{p50:.2f}"), ("search p95, ms", f"{p95:.2f}")]
    )
    if report.comparison is not None:
        if console.is_terminal:
            console.print(
                Text.assemble(("compared with ", "bold"), (_format_engines(report.comparison.engines), "dim"))
            )
        print_table(
            ["%", "this", "other", "difference", "p"], _difference_rows(report.comparison, _list_shown_measures(report))
        )


def _format_engines(engines: Mapping[str, str | None]) -> str:
    return ", ".join(f"{role} {name}" for role, name in engines.items() if name)


def _score_rows(report: Report) -> Iterator[list[str]]:
    yield ["questions", *(f"{group.questions:,}" for group in report.groups.values())]
    for name in _list_shown_measures(report):
        yield [name, *(_with_interval(group.scores[name]) for group in report.groups.values())]


def _list_shown_measures(report: Report) -> list[str]:
    """Return the measures of the tables; hit and all at every k are in the JSON."""
    at = report.conversation_k
    recalls = [f"recall@{k}" for k in report.ks]
    return [*recalls, f"hit@{at}", f"all@{at}", "MRR", "nDCG@10", *(f"context@{size}" for size in BUDGETS)]


def _with_interval(score: Interval) -> str:
    return f"{100 * score.mean:.1f} \N{PLUS-MINUS SIGN}{50 * (score.high - score.low):.1f}"


def _conversation_rows(report: Report) -> Iterator[list[str]]:
    for one in report.conversations:
        others = "-" if one.recall_of_others is None else f"{100 * one.recall_of_others:.1f}"
        yield [one.conversation, f"{one.questions:,}", f"{100 * one.recall:.1f}", others]


def _token_pairs(report: Report) -> Iterator[tuple[str, str]]:
    for k, count in report.tokens.items():
        yield f"tokens of the top {k}", f"{count:,.0f}"
    yield "tokens counted by", report.run.counted_by


def _difference_rows(comparison: Comparison, names: Sequence[str]) -> Iterator[list[str]]:
    yield ["questions", f"{comparison.questions:,}", f"{comparison.questions:,}", "", ""]
    for name in names:
        ours, theirs, difference = comparison.scores[name]
        by, p_value = difference.by, difference.p
        change = f"{100 * by.mean:+.1f} ({100 * by.low:+.1f} to {100 * by.high:+.1f})"
        p = f"{p_value:.4f}" if p_value >= _MIN_P else f"<{_MIN_P:.4f}"
        yield [name, f"{100 * ours:.1f}", f"{100 * theirs:.1f}", change, p]
