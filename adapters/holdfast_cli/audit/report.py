"""Audit a memory: read and search it through its public methods, and score what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holdfast import Memory, MemoryItem
from holdfast_cli.audit import checks
from holdfast_cli.audit.checks import Finding, Kind

MAX_RANK = 5
"""A memory must be among so many results of a search for its own text."""

MIN_FOUND = 0.95
"""The share of the probed memories that must be found."""

SERIOUS: tuple[Kind, ...] = ("secret", "contradiction")
"""The kinds that must not occur at all."""

_WEIGHTS: Mapping[Kind, float] = {
    "secret": 1.0,
    "contradiction": 1.0,
    "unfindable": 0.0,  # counted as a share of the probes, because only a sample is probed
    "stale": 0.5,
    "duplicate": 0.5,
    "near-duplicate": 0.25,
    "junk": 0.5,
}
"""The share of a memory that each kind subtracts from the score; the most serious kinds first."""

_NO_LIMIT = 1_000_000
_MAX_PROBE = 500  # characters
_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_ANY_SCOPE = {"OR": [{field: "*"} for field in _SCOPE_FIELDS]}


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit.

    Attributes:
        memories: The number of memories read.
        probed: The number of memories searched for by their own text.
        found: How many of those were among the first five results.
        findings: The problems, the most serious kinds first.
        score: 0 to 100, `None` if there are no memories: the share of the probes that were found, times the share of
            the memories without a problem. A secret or a contradiction counts 1, a duplicate, a stale memory or junk
            1/2, a near-duplicate 1/4.
    """

    memories: int
    probed: int
    found: int
    findings: Sequence[Finding]
    score: float | None

    @property
    def counts(self) -> dict[Kind, int]:
        """The number of findings of each kind."""
        counts = Counter(finding.kind for finding in self.findings)
        return {kind: counts[kind] for kind in _WEIGHTS}

    @property
    def serious(self) -> bool:
        """Whether there is a secret or a contradiction, or more than one probe in twenty was not found."""
        return any(self.counts[kind] for kind in SERIOUS) or self.found < MIN_FOUND * self.probed

    def to_json(self) -> dict[str, Any]:
        """Return the audit as JSON types."""
        return {
            "memories": self.memories,
            "probes": {"asked": self.probed, "found": self.found},
            "counts": self.counts,
            "score": self.score,
            "serious": self.serious,
            "findings": [asdict(finding) for finding in self.findings],
        }


def run_audit(
    memory: Memory,
    ids: Mapping[str, Any],
    *,
    probes: int,
    on_probe: Callable[[], object] = lambda: None,
) -> Audit:
    """Audit the memories of a scope, or of all scopes if `ids` is empty.

    Expired memories are only checked for secrets. Documents are texts of the program and not extracted facts, so they
    are probed and checked for secrets, but not compared.

    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> _ = memory.add("The PIN is 4921", user_id="ana", infer=False)
    >>> [finding.kind for finding in run_audit(memory, {}, probes=10).findings]
    ['secret']

    Args:
        memory: The memory.
        ids: The scope ids by name.
        probes: The maximum number of memories to search for by their own text, a random sample with a fixed seed.
        on_probe: Called after each probe.
    """
    scope: dict[str, Any] = dict(ids) or {"filters": _ANY_SCOPE}
    everything = memory.get_all(**scope, limit=_NO_LIMIT, show_expired=True)["results"]
    items = memory.get_all(**scope, limit=_NO_LIMIT)["results"]
    sample = _draw_sample(items, probes)
    missing = [item for item in sample if not _is_found(memory, item, on_probe)]
    facts = [item for item in items if item["memory_type"] != "document"]
    findings = [
        *checks.find_secret_memories(everything),
        *checks.find_contradictions(facts),
        *(
            checks.make_finding("unfindable", item, f"not among the first {MAX_RANK} for its own text")
            for item in missing
        ),
        *checks.find_duplicates(facts),
        *checks.find_junk(facts),
    ]
    order = list(_WEIGHTS)
    findings.sort(key=lambda one: order.index(one.kind))
    found = len(sample) - len(missing)
    return Audit(
        len(everything), len(sample), found, findings, _compute_score(len(everything), len(sample), found, findings)
    )


def _draw_sample(items: Sequence[MemoryItem], size: int) -> list[MemoryItem]:
    # Sorted by id, which is random, so that the sample is independent of time and owner.
    by_id = sorted(items, key=lambda item: item["id"])
    positions = np.random.default_rng(0).permutation(len(by_id))[:size]
    return [by_id[position] for position in sorted(positions)]


def _is_found(memory: Memory, item: MemoryItem, on_probe: Callable[[], object]) -> bool:
    ids: dict[str, Any] = {field: item.get(field) for field in _SCOPE_FIELDS}
    results = memory.search(item["memory"][:_MAX_PROBE], **ids, limit=MAX_RANK)["results"]
    on_probe()
    # Another memory with the same text counts too.
    text = checks.normalize(item["memory"])
    return any(one["id"] == item["id"] or checks.normalize(one["memory"]) == text for one in results)


def _compute_score(memories: int, probed: int, found: int, findings: Sequence[Finding]) -> float | None:
    if not memories:
        return None
    worst: dict[str, float] = {}
    for finding in findings:
        worst[finding.id] = max(worst.get(finding.id, 0.0), _WEIGHTS[finding.kind])
    share_found = found / probed if probed else 1.0
    return round(100 * share_found * (1 - sum(worst.values()) / memories), 1)
