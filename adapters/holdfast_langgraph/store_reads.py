"""Read operations of the store: find items by key, by namespace, by value or by meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import GetOp, Item, ListNamespacesOp, Op, Result, SearchItem, SearchOp

from holdfast import Flow, MemoryItem, NotFound, ScopedFlows
from holdfast_langgraph.items import (
    EXPIRES,
    FIELD,
    StoredItem,
    expiry_time,
    filters_for_scope,
    get_fields,
    make_document_ids,
    now,
    to_stored_item,
)
from holdfast_langgraph.namespaces import Namespace, find_common_prefix, matches_conditions, to_path
from holdfast_langgraph.value_filters import check_filter_keys, matches_filter, to_memory_filter

_NO_LIMIT = 1_000_000
_MAX_RESULTS = 1_000  # of one search
_MAX_FILTER_IDS = 10_000  # in one filter
_REFRESH_SHARE = 0.1  # of an item's lifetime must have passed before a read writes a new expiry time


class StoreReader:
    """Reads the items of one scope.

    Args:
        flows: The verbs of the scope.
        scope: The ids of the scope by name.
        by_meaning: Whether the query of a search ranks the results.
    """

    def __init__(self, flows: ScopedFlows, scope: Mapping[str, str], *, by_meaning: bool) -> None:
        self._flows = flows
        self._scope = scope
        self._by_meaning = by_meaning

    def read(self, op: Op) -> Flow[Result]:
        """Return the result of a read operation, `None` for a put."""
        if isinstance(op, GetOp):
            return (yield from self._get(op))
        if isinstance(op, SearchOp):
            return (yield from self._search(op))
        if isinstance(op, ListNamespacesOp):
            return (yield from self._list_namespaces(op))
        return None

    def _get(self, op: GetOp) -> Flow[Item | None]:
        memory = yield from self._flows.get(make_document_ids(self._scope, op.namespace, str(op.key))[0])
        if memory is None or (found := to_stored_item(memory)).is_expired():
            return None
        if op.refresh_ttl:
            yield from self._refresh([found])
        return found.item

    def _search(self, op: SearchOp) -> Flow[list[SearchItem]]:
        check_filter_keys(op.filter or {})
        first, last = max(op.offset, 0), max(op.offset, 0) + max(op.limit, 0)
        if first == last:
            return []
        if self._by_meaning and op.query and op.query.strip():
            found = yield from self._rank_items(op, last)
        else:
            found = [(one, None) for one in (yield from self._list_items(op, last))]
        if op.refresh_ttl:
            yield from self._refresh([one for one, _ in found[first:last]])
        return [one.to_search_item(score) for one, score in found[first:last]]

    def _list_namespaces(self, op: ListNamespacesOp) -> Flow[list[Namespace]]:
        conditions = op.match_conditions or ()
        filters = self._filters(find_common_prefix(conditions), place=0)
        found = yield from self._flows.get_all(filters=filters, limit=_NO_LIMIT)
        namespaces = {tuple(get_fields(memory)["namespace"]) for memory in found}
        shown = sorted({one[: op.max_depth] for one in namespaces if matches_conditions(one, conditions)})
        return shown[op.offset : op.offset + op.limit]

    def _list_items(self, op: SearchOp, limit: int, **fields: Any) -> Flow[list[StoredItem]]:
        """Return up to `limit` items that match the filter of `op` and these fields, newest first."""
        conditions = op.filter or {}
        filters = self._filters(op.namespace_prefix, place=0, **fields)
        # The memory checks what its filters can express; the rest is checked here, on what it returns.
        filters["AND"].append(to_memory_filter(conditions, f"{FIELD}.value"))
        found = yield from self._flows.get_all(filters=filters, limit=_NO_LIMIT if conditions else limit)
        items = map(to_stored_item, found)
        return [one for one in items if matches_filter(one.item.value, conditions)][:limit]

    def _rank_items(self, op: SearchOp, limit: int) -> Flow[list[tuple[StoredItem, float | None]]]:
        """Return up to `limit` items with their scores, best first, and last those that are not indexed."""
        items: dict[str, StoredItem] = {}
        if op.filter:
            items = {one.id: one for one in (yield from self._list_items(op, _NO_LIMIT))}
        scores = yield from self._score_items(op, limit, items, candidates=list(items) if op.filter else None)
        for item_id in scores.keys() - items.keys():
            memory = yield from self._flows.get(item_id)
            if memory is not None:  # deleted since the search otherwise
                items[item_id] = to_stored_item(memory)
        ranked: list[tuple[StoredItem, float | None]] = [(items[one], scores[one]) for one in scores if one in items]
        if len(ranked) < limit:
            ranked += [(one, None) for one in (yield from self._list_items(op, limit - len(ranked), indexed=False))]
        return ranked

    def _score_items(
        self, op: SearchOp, limit: int, items: dict[str, StoredItem], *, candidates: Sequence[str] | None
    ) -> Flow[dict[str, float]]:
        """Return the scores of the best `limit` items by id.

        Args:
            op: The search.
            limit: The maximum number of items.
            items: Receives the items read on the way, by id.
            candidates: Only these items are scored; `None` scores all.
        """
        filters = self._filters(op.namespace_prefix, indexed=True)
        parts = [[]] if candidates is None else _split_ids(candidates)
        best: dict[str, float] = {}
        for ids in parts:
            is_candidate = [{f"metadata.{FIELD}.item": {"in": ids}}] if ids else []
            hits = yield from self._search_texts(op.query or "", limit, {"AND": [*filters["AND"], *is_candidate]})
            best |= _best_scores(hits)
            items |= {hit["id"]: to_stored_item(hit) for hit in hits if get_fields(hit)["place"] == 0}
        return dict(sorted(best.items(), key=lambda pair: -pair[1])[:limit])

    def _search_texts(self, query: str, items: int, filters: Mapping[str, Any]) -> Flow[list[MemoryItem]]:
        """Return the best texts: enough for this number of items, or all there are."""
        limit = min(items, _MAX_RESULTS)
        while True:
            hits = yield from self._flows.search(query, filters=filters, limit=limit)
            if len(hits) < limit or limit == _MAX_RESULTS or len(_best_scores(hits)) >= items:
                return hits
            limit = min(4 * limit, _MAX_RESULTS)  # several texts may belong to one item

    def _filters(self, prefix: Namespace, **fields: Any) -> dict[str, list[Any]]:
        """Return the filter for the documents below `prefix` that have these fields and have not expired."""
        is_below = {"actor_id": {"contains": to_path(prefix)}}
        has_fields = ({f"metadata.{FIELD}.{name}": {"eq": value}} for name, value in fields.items())
        is_current = {"NOT": {f"metadata.{EXPIRES}": {"lte": now().isoformat()}}}
        return {"AND": [*filters_for_scope(self._scope), is_below, *has_fields, is_current]}

    def _refresh(self, found: Sequence[StoredItem]) -> Flow[None]:
        """Give items that were read a new expiry time."""
        for one in found:
            if one.ttl is None or one.expires_at is None:
                continue
            left = (one.expires_at - now()).total_seconds() / 60
            if left > one.ttl * (1 - _REFRESH_SHARE):
                continue
            ids = make_document_ids(self._scope, one.item.namespace, one.item.key)[: one.texts]
            try:
                for memory_id in ids:
                    yield from self._flows.update(memory_id, metadata={EXPIRES: expiry_time(one.ttl)})
            except NotFound:
                continue  # deleted since it was read


def _best_scores(hits: Sequence[MemoryItem]) -> dict[str, float]:
    """Return the best score of each item by id, best first."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(get_fields(hit)["item"], hit["score"])
    return best


def _split_ids(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + _MAX_FILTER_IDS]) for start in range(0, len(ids), _MAX_FILTER_IDS)]
