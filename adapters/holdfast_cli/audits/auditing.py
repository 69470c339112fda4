"""An audit of a memory: what it holds is read and searched through the public verbs, and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holdfast import Memory, MemoryItem
from holdfast_cli.audits import checks
from holdfast_cli.audits.checks import Finding, Kind

LOOKED_AT = 5
"""Results among which a memory must be found by its own words."""

LEAST_FOUND = 0.95
"""Share of the probed memories that must be found."""

SERIOUS: tuple[Kind, ...] = ("secret", "contradiction")
"""What must not be there at all."""

_WEIGHTS: Mapping[Kind, float] = {
    "secret": 1.0,
    "contradiction": 1.0,
    "unfindable": 0.0,  # counted as the share of the probes, for only a sample was probed
    "stale": 0.5,
    "duplicate": 0.5,
    "near-duplicate": 0.25,
    "junk": 0.5,
}
"""How much of a memory each kind takes from the score; the gravest kinds first."""

_MOST = 1_000_000
_LONGEST_PROBE = 500  # characters
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_EVERYBODY = {"OR": [{field: "*"} for field in _SCOPE_FIELDS]}


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        memories: How many were looked at.
        probed: How many were searched for by their own words.
        found: How many of those were among the first five results.
        findings: What is to be looked at, the gravest kinds first.
        score: 0 to 100, `None` when there are no memories: the share of probes that were found, times the share of
            the memories that nothing is wrong with. A secret or a contradiction counts whole, a duplicate, a stale
            memory or junk half, a near-duplicate a quarter.
    """

    memories: int
    probed: int
    found: int
    findings: Sequence[Finding]
    score: float | None

    @property
    def counts(self) -> dict[Kind, int]:
        """How many findings there are of each kind."""
        counts = Counter(finding.kind for finding in self.findings)
        return {kind: counts[kind] for kind in _WEIGHTS}

    @property
    def serious(self) -> bool:
        """Whether there is a secret or a contradiction, or more than one probe in twenty was not found."""
        return any(self.counts[kind] for kind in SERIOUS) or self.found < LEAST_FOUND * self.probed

    def document(self) -> dict[str, Any]:
        """Return it as a dictionary fit for JSON."""
        return {
            "memories": self.memories,
            "probes": {"asked": self.probed, "found": self.found},
            "counts": self.counts,
            "score": self.score,
            "serious": self.serious,
            "findings": [asdict(finding) for finding in self.findings],
        }


def audit_of(
    memory: Memory,
    ids: Mapping[str, Any],
    *,
    probes: int,
    tell: Callable[[], object] = lambda: None,
) -> Audit:
    """Audit the memories of a scope, or of everybody when `ids` is empty.

    Expired memories are looked at for secrets only; documents are their owner's words, so they are probed and looked
    at for secrets, and not compared.

    Args:
        memory: The memory.
        ids: The scope.
        probes: Most memories to search for by their own words, drawn at random but always the same ones.
        tell: Called after each probe.
    """
    whose: dict[str, Any] = dict(ids) or {"filters": _EVERYBODY}
    everything = memory.get_all(**whose, limit=_MOST, show_expired=True)["results"]
    items = memory.get_all(**whose, limit=_MOST)["results"]
    drawn = _drawn(items, probes)
    missing = [item for item in drawn if not _is_found(memory, item, tell)]
    said = [item for item in items if item["memory_type"] != "document"]
    findings = [
        *checks.secrets(everything),
        *checks.disagreements(said),
        *(checks.finding("unfindable", item, f"not among the first {LOOKED_AT} for its own words") for item in missing),
        *checks.likenesses(said),
        *checks.junk(said),
    ]
    order = list(_WEIGHTS)
    findings.sort(key=lambda one: order.index(one.kind))
    found = len(drawn) - len(missing)
    return Audit(len(everything), len(drawn), found, findings, _score(len(everything), len(drawn), found, findings))


def _drawn(items: Sequence[MemoryItem], most: int) -> list[MemoryItem]:
    # By id, which says nothing of when or whose.
    by_id = sorted(items, key=lambda item: item["id"])
    chosen = np.random.default_rng(0).permutation(len(by_id))[:most]
    return [by_id[place] for place in sorted(chosen)]


def _is_found(memory: Memory, item: MemoryItem, tell: Callable[[], object]) -> bool:
    ids: dict[str, Any] = {field: item.get(field) for field in _SCOPE_FIELDS}
    results = memory.search(item["memory"][:_LONGEST_PROBE], **ids, limit=LOOKED_AT)["results"]
    tell()
    # Of several that say the same, any will do.
    said = checks.plain(item["memory"])
    return any(one["id"] == item["id"] or checks.plain(one["memory"]) == said for one in results)


def _score(memories: int, probed: int, found: int, findings: Sequence[Finding]) -> float | None:
    if not memories:
        return None
    worst: dict[str, float] = {}
    for finding in findings:
        worst[finding.id] = max(worst.get(finding.id, 0.0), _WEIGHTS[finding.kind])
    reached = found / probed if probed else 1.0
    return round(100 * reached * (1 - sum(worst.values()) / memories), 1)
