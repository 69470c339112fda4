"""`eval`: measure how well questions find what answers them, in conversations in LoCoMo's format or plain memories."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from holdfast import InvalidInput, Memory
from holdfast_cli import options
from holdfast_cli.commands.evaluate_questions import evaluate_questions, format_interval
from holdfast_cli.evaluation.locomo import Sample, parse_samples
from holdfast_cli.evaluation.plot import check_plot, draw_plot
from holdfast_cli.evaluation.question_sets import is_question_set
from holdfast_cli.evaluation.report import Report, make_report, read_run, to_json
from holdfast_cli.evaluation.run import BUDGETS, Run, run_evaluation
from holdfast_cli.evaluation.scores import Comparison
from holdfast_cli.file_import import make_progress_bar
from holdfast_cli.open_store import store_exists
from holdfast_cli.options import read_file
from holdfast_cli.output import format_count, print_json, print_table, stdout_console

_KS_OF_CONVERSATIONS = "5,10,20,50"
_KS_OF_QUESTIONS = "5,10"
_MAX_RESULTS = 1_000
_MIN_P = 1e-4  # the resolution of 10,000 random assignments


def evaluate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Conversations in LoCoMo's format, or JSON lines of questions."),
    ],
    *,
    llm: options.Llm = None,
    embedders: options.Embedders = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Ask only the questions of this split.")
    ] = None,
    keep_turns: Annotated[
        bool, typer.Option("--keep-turns", help="Also extract facts from each turn, by which it is found too.")
    ] = False,
    limit_conversations: Annotated[int | None, typer.Option(min=1, help="Use only the first conversations.")] = None,
    k: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="The numbers of results to measure at, such as 5,10,20,50."),
    ] = None,
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
    """Measure how well questions find what answers them.

    Of conversations, adds every session unchanged (with --keep-turns also its facts, with one or two model calls per
    turn) and searches every question once within its conversation. Scores are per cent with 95 % bootstrap intervals; a
    comparison is tested question by question.

    Of JSON lines with memories and questions, scores the default search, vectors alone and words alone, with every
    --embedder, by default each that is installed and needs no key.
    """
    texts = [(file, read_file(file)) for file in files]
    for_conversations = {
        "--keep-turns": keep_turns or None,
        "--limit-conversations": limit_conversations,
        "--compare": compare,
        "--embedder-b": embedder_b,
        "--plot": plot_file,
        "--path": path,
    }
    if _are_questions(texts):
        _refuse_options(for_conversations, f"conversations, and {files[0]} has plain memories")
        ks = _parse_ks(_KS_OF_QUESTIONS if k is None else k)
        evaluate_questions(dict(texts), embedders=embedders or (), split=split, ks=ks, as_json=as_json)
        return
    _refuse_options({"--split": split}, f"plain memories, and {files[0]} has conversations")
    if embedders and len(embedders) > 1:
        raise InvalidInput("conversations take one --embedder: name the second one with --embedder-b")
    _evaluate_conversations(
        texts,
        ks=_parse_ks(_KS_OF_CONVERSATIONS if k is None else k),
        llm=llm,
        embedder=embedders[0] if embedders else None,
        embedder_b=embedder_b,
        keep_turns=keep_turns,
        limit=limit_conversations,
        compare=compare,
        plot_file=plot_file,
        path=path,
        as_json=as_json,
    )


def _are_questions(texts: Sequence[tuple[str, str]]) -> bool:
    """Say whether all files have plain memories and questions, or none."""
    are_questions = [is_question_set(path, text) for path, text in texts]
    if any(are_questions) and not all(are_questions):
        path, _ = texts[are_questions.index(False)]
        raise InvalidInput(f"{path} has conversations, another file plain memories: evaluate them in two runs")
    paths = [path for path, _ in texts]
    if any(are_questions) and (repeated := [path for path in paths if paths.count(path) > 1]):
        raise InvalidInput(f"{repeated[0]} is there twice: give every file once")
    return any(are_questions)


def _refuse_options(values: Mapping[str, object], reason: str) -> None:
    for name, value in values.items():
        if value is not None:
            raise InvalidInput(f"{name} is for {reason}: leave it out")


def _evaluate_conversations(
    texts: Sequence[tuple[str, str]],
    *,
    ks: Sequence[int],
    llm: str | None,
    embedder: str | None,
    embedder_b: str | None,
    keep_turns: bool,
    limit: int | None,
    compare: str | None,
    plot_file: str | None,
    path: str | None,
    as_json: bool,
) -> None:
    if plot_file is not None:
        check_plot(plot_file)
    if compare is not None and embedder_b is not None:
        raise InvalidInput("--compare and --embedder-b each name what to compare with: give one")
    if path is not None and store_exists(path):
        raise InvalidInput(f"{path} exists: an evaluation needs an empty store, name a new file")
    other = None if compare is None else read_run(compare)
    samples = parse_samples(texts)[:limit]
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
        yield [name, *(format_interval(group.scores[name]) for group in report.groups.values())]


def _list_shown_measures(report: Report) -> list[str]:
    """Return the measures of the tables; hit and all at every k are in the JSON."""
    at = report.conversation_k
    recalls = [f"recall@{k}" for k in report.ks]
    return [*recalls, f"hit@{at}", f"all@{at}", "MRR", "nDCG@10", *(f"context@{size}" for size in BUDGETS)]


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
