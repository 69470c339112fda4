"""What a store answers: items by their address, by their namespace, or by what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from holdfast import NotFound
from holdfast_langgraph import conditions
from holdfast_langgraph.items import EXPIRES, FIELD, Kept, all_of_scope, item_ids, kept, now, until
from holdfast_langgraph.namespaces import Namespace, known_prefix, matches, path_of
from holdfast_langgraph.tasks import Task, ask

_EVERY = 1_000_000
_MOST_RANKED = 1_000
_MOST_IDS = 10_000
_STALE = 0.1  # share of an item's time that must have passed before a read writes that it begins anew


class Reader:
    """Reads the items of one scope.

    Args:
        scope: The ids, by field.
        by_meaning: Whether a query ranks what is found.
    """

    def __init__(self, scope: Mapping[str, str], *, by_meaning: bool) -> None:
        self._scope = scope
        self._by_meaning = by_meaning

    def result(self, op: Op) -> Task[Result]:
        """Return what `op` asks for, `None` for a put."""
        if isinstance(op, GetOp):
            return (yield from self._get(op))
        if isinstance(op, SearchOp):
            return (yield from self._search(op))
        if isinstance(op, ListNamespacesOp):
            return (yield from self._list_namespaces(op))
        return None

    def _get(self, op: GetOp) -> Task[Item | None]:
        memory = yield from ask("get", item_ids(self._scope, op.namespace, str(op.key))[0])
        if memory is None or (found := kept(memory)).is_expired():
            return None
        if op.refresh_ttl:
            yield from self._refresh([found])
        return found.item

    def _search(self, op: SearchOp) -> Task[list[SearchItem]]:
        conditions.check(op.filter or {})
        first, last = max(op.offset, 0), max(op.offset, 0) + max(op.limit, 0)
        if first == last:
            return []
        if self._by_meaning and op.query and op.query.strip():
            found = yield from self._ranked(op, last)
        else:
            found = [(one, None) for one in (yield from self._listed(op, last))]
        if op.refresh_ttl:
            yield from self._refresh([one for one, _ in found[first:last]])
        return [one.scored(score) for one, score in found[first:last]]

    def _list_namespaces(self, op: ListNamespacesOp) -> Task[list[Namespace]]:
        asked = op.match_conditions or ()
        found = yield from ask("get_all", filters=self._filters(known_prefix(asked), place=0), limit=_EVERY)
        present = {tuple(memory["metadata"][FIELD]["namespace"]) for memory in found}
        shown = sorted({one[: op.max_depth] for one in present if matches(one, asked)})
        return shown[op.offset : op.offset + op.limit]

    def _listed(self, op: SearchOp, most: int, **about: Any) -> Task[list[Kept]]:
        """Return up to `most` items that meet the filter of `op`, the newest first."""
        wanted = op.filter or {}
        filters = self._filters(op.namespace_prefix, place=0, **about)
        filters["AND"].append(conditions.narrowed(wanted, f"{FIELD}.value"))
        found = yield from ask("get_all", filters=filters, limit=_EVERY if wanted else most)
        items = map(kept, found)
        return [one for one in items if conditions.holds(one.item.value, wanted)][:most]

    def _ranked(self, op: SearchOp, most: int) -> Task[list[tuple[Kept, float | None]]]:
        """Return up to `most` items, the best first; those that are not indexed come last and have no score."""
        known: dict[str, Kept] = {}
        if op.filter:
            known = {one.id: one for one in (yield from self._listed(op, _EVERY))}
        scores = yield from self._scores(op, most, known, among=list(known) if op.filter else None)
        for item_id in scores.keys() - known.keys():
            memory = yield from ask("get", item_id)
            if memory is not None:  # else deleted meanwhile
                known[item_id] = kept(memory)
        ranked: list[tuple[Kept, float | None]] = [(known[one], scores[one]) for one in scores if one in known]
        if len(ranked) < most:
            ranked += [(one, None) for one in (yield from self._listed(op, most - len(ranked), indexed=False))]
        return ranked

    def _scores(
        self, op: SearchOp, most: int, known: dict[str, Kept], *, among: Sequence[str] | None
    ) -> Task[dict[str, float]]:
        """Return the scores of the best `most` items by id, of those in `among` if it is given.

        Items that are seen on the way are added to `known`.
        """
        filters = self._filters(op.namespace_prefix, indexed=True)
        parts = [[]] if among is None else _parts(among)
        best: dict[str, float] = {}
        for ids in parts:
            narrower = [{f"metadata.{FIELD}.item": {"in": ids}}] if ids else []
            hits = yield from self._hits(op.query, most, {"AND": [*filters["AND"], *narrower]})
            best |= _best_of_each(hits)
            known |= {hit["id"]: kept(hit) for hit in hits if hit["metadata"][FIELD]["place"] == 0}
        return dict(sorted(best.items(), key=lambda pair: -pair[1])[:most])

    def _hits(self, query: str | None, most: int, filters: Mapping[str, Any]) -> Task[Sequence[Mapping[str, Any]]]:
        """Return the best texts, enough for `most` items or all there are."""
        limit = min(most, _MOST_RANKED)
        while True:
            hits = yield from ask("search", query, filters=filters, limit=limit)
            if len(hits) < limit or limit == _MOST_RANKED or len(_best_of_each(hits)) >= most:
                return hits  # type: ignore[no-any-return]
            limit = min(4 * limit, _MOST_RANKED)

    def _filters(self, prefix: Namespace, **about: Any) -> dict[str, list[Any]]:
        """Return what the living documents below `prefix` have in common."""
        living = {"NOT": {f"metadata.{EXPIRES}": {"lte": now().isoformat()}}}
        details = ({f"metadata.{FIELD}.{name}": {"eq": value}} for name, value in about.items())
        below = {"actor_id": {"contains": path_of(prefix)}}
        return {"AND": [*all_of_scope(self._scope), below, *details, living]}

    def _refresh(self, found: Sequence[Kept]) -> Task[None]:
        """Let the time of items that were read begin anew."""
        for one in found:
            if one.ttl is None or one.expires_at is None:
                continue
            left = (one.expires_at - now()).total_seconds() / 60
            if left > one.ttl * (1 - _STALE):
                continue
            ids = item_ids(self._scope, one.item.namespace, one.item.key)[: one.texts]
            try:
                for memory_id in ids:
                    yield from ask("update", memory_id, metadata={EXPIRES: until(one.ttl)})
            except NotFound:
                continue  # deleted meanwhile


def _best_of_each(hits: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the best score of each item, falling."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit["metadata"][FIELD]["item"], hit["score"])
    return best


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + _MOST_IDS]) for start in range(0, len(ids), _MOST_IDS)]
