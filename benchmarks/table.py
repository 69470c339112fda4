"""The measured rows, and the table of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_COLUMNS = "{:<66} {:>10} {:>10} {:>8}  {:<9} {}"


@dataclass(frozen=True)
class Point:
    """The position of a row on the growth curve.

    Attributes:
        curve: The operation, `"search"` or `"add"`.
        statistic: `"median"` or `"p95"`.
        memories: The number of memories in the store.
    """

    curve: str
    statistic: str
    memories: int


@dataclass(frozen=True)
class Row:
    """One measure of Holdfast, with the same measure of Mem0 if there is one.

    Attributes:
        measure: The description.
        ours: Holdfast's value, in `unit`.
        peer: The value it is compared with, in `unit`.
        unit: `"ms"`, `"s"`, `"B"`, or empty for a number without unit.
        at_most: The upper bound of the ratio ours / peer, or of `ours` if there is no peer.
        at_least: The lower bound of the same.
        of_ours: Whether the bounds are for `ours` although there is a peer.
        point: The position on the growth curve, `None` if the row is not on it.
    """

    measure: str
    ours: float
    peer: float | None = None
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    of_ours: bool = False
    point: Point | None = None

    @property
    def ratio(self) -> float | None:
        """`ours` divided by `peer`; `None` without a peer."""
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        """`"ok"`, `"MISS"`, or empty without a bound."""
        if self.at_most is None and self.at_least is None:
            return ""
        value = self.ours if self.of_ours or self.ratio is None else self.ratio
        too_much = self.at_most is not None and value > self.at_most
        too_little = self.at_least is not None and value < self.at_least
        return "MISS" if too_much or too_little else "ok"

    def __str__(self) -> str:
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}"
        ours, peer = _format_value(self.ours, self.unit), _format_value(self.peer, self.unit)
        return _COLUMNS.format(self.measure, ours, peer, ratio, self._format_bound(), self.verdict).rstrip()

    def _format_bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"


def make_heading() -> str:
    """Return the lines above the rows."""
    line = _COLUMNS.format("measure", "ours", "peer", "ratio", "must", "")
    return line + "\n" + "─" * len(line)


def write_json(path: Path, facts: dict[str, str], rows: Iterable[Row]) -> None:
    """Write the description of the machine and all rows to `path`."""
    written = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    path.write_text(json.dumps({"machine": facts, "rows": written}, indent=2, ensure_ascii=False) + "\n")


def make_summary(rows: Sequence[Row]) -> str:
    """Return the number of bounds kept and missed, and the measures that missed one."""
    missed = [row.measure for row in rows if row.verdict == "MISS"]
    kept = sum(row.verdict == "ok" for row in rows)
    return f"{kept} kept, {len(missed)} missed" + "".join(f"\n  MISS {measure}" for measure in missed)


def _format_value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    number = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
