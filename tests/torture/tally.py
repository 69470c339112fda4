"""Counts of what was tried, what was lost and what was wrong."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_SHOWN = 10


@dataclass
class Tally:
    """What one kind of fault has come to.

    Attributes:
        kind: What was tried, for the table.
        tried: How many faults.
        checked: Other counts for the table, such as acknowledged calls.
        lost: One line for each acknowledged memory that is missing.
        wrong: One line for everything else that breaks a promise.
    """

    kind: str
    tried: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def report(self, lost: Iterable[str], wrong: Iterable[str], where: str) -> None:
        self.lost += [f"{where}: {line}" for line in lost]
        self.wrong += [f"{where}: {line}" for line in wrong]

    def add(self, other: Tally) -> None:
        """Add the counts of another process."""
        self.tried += other.tried
        self.checked += other.checked
        self.lost += other.lost
        self.wrong += other.wrong

    @property
    def is_clean(self) -> bool:
        return not self.lost and not self.wrong

    def row(self) -> str:
        details = ", ".join(f"{count:,} {name}" for name, count in self.checked.most_common())
        return f"| {self.kind} | {self.tried:,} | {len(self.lost):,} | {len(self.wrong):,} | {details} |"

    def failures(self) -> str:
        lines = [f"  lost: {line}" for line in self.lost[:_SHOWN]] + [
            f"  wrong: {line}" for line in self.wrong[:_SHOWN]
        ]
        return "\n".join(lines)


class Progress:
    """Prints how far a kind is, every ten seconds, and each failure as soon as it is known."""

    def __init__(self, tally: Tally, total: int):
        self._tally, self._total, self._next, self._shown = tally, total, time.monotonic() + 10, 0

    def show(self) -> None:
        one = self._tally
        failures = [*one.lost, *one.wrong]
        if len(failures) > self._shown:
            self._print(f"{len(failures) - self._shown} failures, such as {failures[-1]}")
            self._shown = len(failures)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 10
            self._print(f"{one.tried:,} of {self._total:,}, {len(one.lost)} lost, {len(one.wrong)} wrong")

    def _print(self, line: str) -> None:
        print(f"  {self._tally.kind}: {line}", file=sys.stderr, flush=True)
