"""What a store is told: items put, replaced, deleted and swept away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import Item, Op, PutOp

from holdfast_langgraph.items import EXPIRES, FIELD, all_of_scope, documents, item_ids, now, texts_of, until
from holdfast_langgraph.tasks import Task, ask

_ITEMS_AT_ONCE = 500

Change = tuple[list[dict[str, Any]], list[str]]
"""Documents to put, and ids of documents to remove."""


class Writer:
    """Writes the items of one scope.

    Args:
        scope: The ids, by field.
        fields: Paths of what is indexed of an item that does not say so itself; none turns the index off.
    """

    def __init__(self, scope: Mapping[str, str], fields: Sequence[str]) -> None:
        self._scope = scope
        self._fields = fields

    def writes(self, plan: Sequence[Op]) -> Task[None]:
        """Return the task of carrying out the puts of `plan`, the last of each item, in transactions of 500."""
        puts = list({(op.namespace, str(op.key)): op for op in plan if isinstance(op, PutOp)}.values())
        starts = range(0, len(puts), _ITEMS_AT_ONCE)
        return self._carry_out([self._change(puts[start : start + _ITEMS_AT_ONCE]) for start in starts])

    def sweep(self) -> Task[int]:
        """Delete what has expired; return how many items that was."""
        expired = {f"metadata.{EXPIRES}": {"lte": now().isoformat()}}
        gone = {"AND": [*all_of_scope(self._scope), {f"metadata.{FIELD}.item": "*"}, expired]}
        found = yield from ask("get_all", filters=gone, limit=1_000_000)
        if found:
            yield from ask("delete_all", filters=gone)
        return len({memory["metadata"][FIELD]["item"] for memory in found})

    def _carry_out(self, changes: Sequence[Change]) -> Task[None]:
        for put, remove in changes:
            yield from ask("put", put, remove=remove)

    def _change(self, puts: Sequence[PutOp]) -> Change:
        put: list[dict[str, Any]] = []
        remove: list[str] = []
        for op in puts:
            ids = item_ids(self._scope, op.namespace, str(op.key))
            made = [] if op.value is None else self._documents(ids, op, op.value)
            put += made
            remove += ids[len(made) :]
        return put, remove

    def _documents(self, ids: Sequence[str], op: PutOp, value: Mapping[str, Any]) -> list[dict[str, Any]]:
        moment = now()
        item = Item(value=dict(value), key=str(op.key), namespace=op.namespace, created_at=moment, updated_at=moment)
        paths = self._fields if op.index is None else op.index or []
        texts = texts_of(item.value, paths) if self._fields else []
        return documents(ids, item, texts, ttl=op.ttl, expires_at=until(op.ttl))
