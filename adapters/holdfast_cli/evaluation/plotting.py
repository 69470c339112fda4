"""A picture of a report. Needs matplotlib, which `pip install "holdfast[eval]"` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast import InvalidInput
from holdfast_cli.evaluation.documents import Report
from holdfast_cli.evaluation.running import BUDGETS
from holdfast_cli.evaluation.scoring import OVERALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = (".png", ".svg")
_APART = 0.015


def check_plot(path: str) -> None:
    """See before any work is done that a plot can be drawn to `path`.

    Raises:
        ImportError: matplotlib is missing.
        InvalidInput: The name ends neither in .png nor in .svg, or its folder does not exist.
    """
    file = Path(path)
    if file.suffix.lower() not in _KINDS:
        raise InvalidInput(f"--plot is {path}: name a file that ends in {' or '.join(_KINDS)}")
    if not file.parent.is_dir():
        raise InvalidInput(f"--plot is {path}: there is no folder {file.parent}")
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - wanted for a plot only
    except ImportError as error:
        raise ImportError('a plot needs matplotlib: pip install "holdfast[eval]"') from error


def plot(report: Report, path: str) -> None:
    """Draw recall by number of results and by room in the context, with 95 % intervals.

    Raises:
        InvalidInput: The file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    results, context = figure.subplots(1, 2, sharey=True)
    _draw(results, report, "recall", report.ks)
    _draw(context, report, "context", BUDGETS)
    results.set(xlabel="results looked at", ylabel="evidence found, %", ylim=(0, 100))
    context.set(xlabel="tokens of context()")
    figure.legend(*results.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize="small")
    figure.suptitle(", ".join(str(name) for name in report.run.engines.values() if name), fontsize="medium")
    try:
        figure.savefig(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}") from error


def _draw(axes: Axes, report: Report, measure: str, places: Sequence[int]) -> None:
    for number, (name, group) in enumerate(report.groups.items()):
        found = [group.scores[f"{measure}@{place}"] for place in places]
        means = [100 * one.mean for one in found]
        errors = [
            [100 * (one.mean - one.low) for one in found],
            [100 * (one.high - one.mean) for one in found],
        ]
        width = 2.5 if name == OVERALL else 1.0
        label = f"{name} ({group.questions})"
        beside = [place * (1 + _APART * number) for place in places]  # so that no interval hides another
        axes.errorbar(beside, means, yerr=errors, marker="o", markersize=4, linewidth=width, capsize=2, label=label)
    if report.comparison is not None:
        others = [100 * report.comparison.scores[f"{measure}@{place}"][1] for place in places]
        axes.plot(places, others, "k--", label=f"the other, {OVERALL}")
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:,}" for place in places], minor=False)
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
