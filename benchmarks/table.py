"""One measured row, and the table of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_COLUMNS = "{:<66} {:>10} {:>10} {:>8}  {:<9} {}"


@dataclass(frozen=True)
class Point:
    """Where a row stands on the growth curve.

    Attributes:
        curve: Of which operation: `"search"` or `"add"`.
        statistic: `"median"` or `"p95"`.
        memories: The size of the store.
    """

    curve: str
    statistic: str
    memories: int


@dataclass(frozen=True)
class Row:
    """One measure of ours, beside the peer's where there is one.

    Attributes:
        measure: What was measured, in words.
        ours: Our figure, in `unit`.
        peer: The figure it is compared with, in `unit`.
        unit: `"ms"`, `"s"`, `"B"`, or empty for a bare number.
        at_most: The bound: of the ratio ours/peer when there is a peer, of our figure otherwise.
        at_least: The same from below.
        of_ours: Bound our figure although there is a peer.
        point: Its place on the growth curve, `None` for what is no part of it.
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
        """Ours divided by the peer's; `None` without a peer."""
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        """`"ok"`, `"MISS"`, or empty when nothing is demanded."""
        if self.at_most is None and self.at_least is None:
            return ""
        judged = self.ours if self.of_ours or self.ratio is None else self.ratio
        too_much = self.at_most is not None and judged > self.at_most
        too_little = self.at_least is not None and judged < self.at_least
        return "MISS" if too_much or too_little else "ok"

    def __str__(self) -> str:
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}"
        ours, peer = _figure(self.ours, self.unit), _figure(self.peer, self.unit)
        return _COLUMNS.format(self.measure, ours, peer, ratio, self._demand(), self.verdict).rstrip()

    def _demand(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"


def heading() -> str:
    """Return the line above the rows."""
    line = _COLUMNS.format("measure", "ours", "peer", "ratio", "must", "")
    return line + "\n" + "─" * len(line)


def write_json(path: Path, facts: dict[str, str], rows: Iterable[Row]) -> None:
    """Write the machine's facts and every row to `path`."""
    written = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    path.write_text(json.dumps({"machine": facts, "rows": written}, indent=2, ensure_ascii=False) + "\n")


def summary(rows: Sequence[Row]) -> str:
    """Return one line that counts the rows kept and missed."""
    missed = [row.measure for row in rows if row.verdict == "MISS"]
    kept = sum(row.verdict == "ok" for row in rows)
    return f"{kept} kept, {len(missed)} missed" + "".join(f"\n  MISS {measure}" for measure in missed)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    number = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}".rstrip()
