"""Measure everything and print one table: `python -m benchmarks`; `--help` says what it takes."""

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

from benchmarks.plotting import draw, picture
from benchmarks.setting import Extent, close_the_door
from benchmarks.table import Row, heading, summary, write_json

THEMES = ("startup", "writes", "searches", "concurrency", "durability", "cost")
QUICK = Extent(rounds=11, kills=5, largest=100_000)
DEFAULT = Extent(rounds=31, kills=20, largest=100_000)
FULL = Extent(rounds=31, kills=20, largest=1_000_000)
_PACKAGES = ("holdfast", "mem0ai", "faiss-cpu", "qdrant-client", "numpy")


def main() -> int:
    """Run the themes asked for; return 1 when a demand is missed."""
    options = _options()
    connections_tried = close_the_door()
    facts = _machine()
    print("  ".join(f"{name} {value}" for name, value in facts.items()))
    print(heading())
    rows: list[Row] = []
    # Not in the system's temporary folder: that one may live in RAM, where waiting for the disk is free.
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build", prefix="bench-") as folder:
        os.environ["MEM0_DIR"] = str(Path(folder, "mem0"))
        for theme in options.only or THEMES:
            Path(folder, theme).mkdir()
            measured = importlib.import_module(f"benchmarks.{theme}")
            for row in measured.rows(options.extent, Path(folder, theme)):
                rows.append(row)
                print(row, flush=True)
    rows.append(Row("connections to other machines tried", len(connections_tried), at_most=0))
    print(rows[-1], summary(rows), sep="\n")
    if options.json:
        write_json(options.json, facts, rows)
    if options.plot:
        draw(rows, options.plot, title=f"holdfast {facts['holdfast']}, {facts['system']}, {facts['cores']} cores")
    return int(any(row.verdict == "MISS" for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    extent = parser.add_mutually_exclusive_group()
    for option, value, meaning in (
        ("--quick", QUICK, "fewer rounds"),
        ("--full", FULL, "also a million memories"),
    ):
        extent.add_argument(option, dest="extent", action="store_const", const=value, default=DEFAULT, help=meaning)
    parser.add_argument("--only", action="append", choices=THEMES, help="this theme, may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to FILE")
    what = "also draw the growth curve to FILE, .svg or .png; to bench.svg when none is named"
    parser.add_argument("--plot", type=picture, metavar="FILE", nargs="?", const=Path("bench.svg"), help=what)
    options = parser.parse_args()
    if options.plot and "searches" not in (options.only or THEMES):
        parser.error("--plot draws what the theme searches measures: add --only searches")
    return options


def _machine() -> dict[str, str]:
    """Return what the numbers depend on, and nothing that names the machine."""
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
