"""Measure everything and print one table: `python -m benchmarks`; `--help` lists the options."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sqlite3
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.measurement import Extent, refuse_connections
from benchmarks.plot import draw, parse_plot_path
from benchmarks.table import Row, make_heading, make_summary, write_json

THEMES = ("startup", "writes", "searches", "concurrency", "durability", "cost")
QUICK = Extent(rounds=11, kills=5, largest=100_000)
DEFAULT = Extent(rounds=31, kills=20, largest=100_000)
FULL = Extent(rounds=31, kills=20, largest=1_000_000)
_PACKAGES = ("holdfast", "mem0ai", "faiss-cpu", "qdrant-client", "numpy")


def main() -> int:
    """Run the selected themes; return 1 if a bound is missed."""
    options = _parse_options()
    attempts = refuse_connections()
    facts = _describe_machine()
    print("  ".join(f"{name} {value}" for name, value in facts.items()))
    print(make_heading())
    rows: list[Row] = []
    # Not in the system's temporary folder, which may be in RAM, where a sync to the disk costs nothing.
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build", prefix="bench-") as folder:
        os.environ["MEM0_DIR"] = str(Path(folder, "mem0"))
        for theme in options.only or THEMES:
            Path(folder, theme).mkdir()
            theme_module = importlib.import_module(f"benchmarks.{theme}")
            for row in theme_module.rows(options.extent, Path(folder, theme)):
                rows.append(row)
                print(row, flush=True)
    rows.append(Row("connections to other machines tried", len(attempts), at_most=0))
    print(rows[-1], make_summary(rows), sep="\n")
    if options.json:
        write_json(options.json, facts, rows)
    if options.plot:
        draw(rows, options.plot, title=f"holdfast {facts['holdfast']}, {facts['system']}, {facts['cores']} cores")
    return int(any(row.verdict == "MISS" for row in rows))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    extent = parser.add_mutually_exclusive_group()
    for option, value, description in (
        ("--quick", QUICK, "fewer rounds"),
        ("--full", FULL, "also a million memories"),
    ):
        extent.add_argument(option, dest="extent", action="store_const", const=value, default=DEFAULT, help=description)
    parser.add_argument("--only", action="append", choices=THEMES, help="measure only this theme; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to FILE")
    plot_help = "also draw the growth curve to FILE, .svg or .png; to bench.svg if no FILE is given"
    parser.add_argument(
        "--plot", type=parse_plot_path, metavar="FILE", nargs="?", const=Path("bench.svg"), help=plot_help
    )
    options = parser.parse_args()
    if options.plot and "searches" not in (options.only or THEMES):
        parser.error("--plot draws what the theme searches measures: add --only searches")
    return options


def _describe_machine() -> dict[str, str]:
    """Return what the numbers depend on, without the name of the machine."""
    cores = str(os.cpu_count())
    load = f"{os.getloadavg()[0]:.1f}"
    packages = {package: version(package) for package in _PACKAGES}
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "load": load,
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **packages,
    }


if __name__ == "__main__":
    sys.exit(main())
