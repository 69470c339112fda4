"""Draw the growth curve. Needs matplotlib, which is imported only for a plot."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUFFIXES = (".png", ".svg")
_BOUND_WIDTH = 1.6  # a bound extends from size / 1.6 to size * 1.6
_COLORS = {"search": "tab:blue", "add": "tab:orange"}


def parse_plot_path(name: str) -> Path:
    """Return the path of a plot, and check before anything is measured that it can be drawn.

    Raises:
        ArgumentTypeError: `name` does not end in .png or .svg, its folder does not exist, or matplotlib is missing.
    """
    path = Path(name)
    if path.suffix.lower() not in _SUFFIXES:
        raise ArgumentTypeError(f"{name} must end in {' or '.join(_SUFFIXES)}")
    if not path.parent.is_dir():
        raise ArgumentTypeError(f"there is no folder {path.parent}")
    if find_spec("matplotlib") is None:
        raise ArgumentTypeError("a plot needs matplotlib: pip install -r benchmarks/requirements.txt")
    return path


def draw(rows: Sequence[Row], path: Path, *, title: str) -> None:
    """Draw median and 95th percentile of search and add by the size of the store, and the bounds.

    Args:
        rows: The rows; those without a point are ignored.
        path: The file; its suffix selects the format.
        title: The title.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale="log", yscale="log", xlabel="memories in the store", ylabel="milliseconds", title=title)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    for curve in _COLORS:
        _draw_curve(axes, curve, rows)
    axes.margins(y=0.15)
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    figure.savefig(path)


def _draw_curve(axes: Axes, curve: str, rows: Sequence[Row]) -> None:
    """Draw the medians as a line, a band up to the 95th percentiles, and each bound as a dashed line."""
    medians, p95s = _select_rows(rows, curve, "median"), _select_rows(rows, curve, "p95")
    line, edge = ([row.ours for row in points.values()] for points in (medians, p95s))
    bounds = {size: row.at_most for size, row in p95s.items() if row.at_most is not None}
    color = _COLORS[curve]
    axes.plot(list(medians), line, color=color, marker="o", label=f"{curve}, median")
    axes.fill_between(list(medians), line, edge, color=color, alpha=0.25, label=f"{curve}, up to p95")
    if bounds:
        ends = ([size / _BOUND_WIDTH for size in bounds], [size * _BOUND_WIDTH for size in bounds])
        axes.hlines(list(bounds.values()), *ends, color=color, linestyle="--", label=f"{curve}, p95 allowed")


def _select_rows(rows: Sequence[Row], curve: str, statistic: str) -> dict[int, Row]:
    """Return the rows of one line by the size of the store."""
    points = [(row.point, row) for row in rows if row.point is not None]
    return {point.memories: row for point, row in points if (point.curve, point.statistic) == (curve, statistic)}
