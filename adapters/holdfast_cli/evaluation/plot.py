"""A picture of a report. Needs matplotlib, which `pip install "holdfast[eval]"` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast import InvalidInput
from holdfast_cli.evaluation.report import Report
from holdfast_cli.evaluation.run import BUDGETS
from holdfast_cli.evaluation.scores import OVERALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUFFIXES = (".png", ".svg")
_OFFSET = 0.015  # between the groups, as a share of the position


def check_plot(path: str) -> None:
    """Check that a plot can be drawn to `path`, before the evaluation starts.

    Raises:
        ImportError: matplotlib is missing.
        InvalidInput: The name does not end in .png or .svg, or the folder does not exist.
    """
    file = Path(path)
    if file.suffix.lower() not in _SUFFIXES:
        raise InvalidInput(f"--plot is {path}: name a file that ends in {' or '.join(_SUFFIXES)}")
    if not file.parent.is_dir():
        raise InvalidInput(f"--plot is {path}: there is no folder {file.parent}")
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - only needed for a plot
    except ImportError as error:
        raise ImportError('a plot needs matplotlib: pip install "holdfast[eval]"') from error


def draw_plot(report: Report, path: str) -> None:
    """Draw recall by number of results and by size of the context, with 95 % intervals.

    Raises:
        InvalidInput: The file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - only needed for a plot

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    results, context = figure.subplots(1, 2, sharey=True)
    _draw(results, report, "recall", report.ks)
    _draw(context, report, "context", BUDGETS)
    results.set(xlabel="results", ylabel="evidence found, %", ylim=(0, 100))
    context.set(xlabel="tokens of context()")
    figure.legend(*results.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize="small")
    figure.suptitle(", ".join(str(name) for name in report.run.engines.values() if name), fontsize="medium")
    try:
        figure.savefig(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}") from error


def _draw(axes: Axes, report: Report, measure: str, places: Sequence[int]) -> None:
    for number, (name, group) in enumerate(report.groups.items()):
        intervals = [group.scores[f"{measure}@{place}"] for place in places]
        means = [100 * one.mean for one in intervals]
        errors = [
            [100 * (one.mean - one.low) for one in intervals],
            [100 * (one.high - one.mean) for one in intervals],
        ]
        width = 2.5 if name == OVERALL else 1.0
        label = f"{name} ({group.questions})"
        positions = [place * (1 + _OFFSET * number) for place in places]  # so that no interval covers another one
        axes.errorbar(positions, means, yerr=errors, marker="o", markersize=4, linewidth=width, capsize=2, label=label)
    if report.comparison is not None:
        others = [100 * report.comparison.scores[f"{measure}@{place}"][1] for place in places]
        axes.plot(places, others, "k--", label=f"the other, {OVERALL}")
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:,}" for place in places], minor=False)
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
