"""Write operations of the store: put, replace and delete items, and delete those that have expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.store.base import Item, Op, PutOp

from holdfast import Document, Flow, ScopedFlows
from holdfast_langgraph.items import (
    EXPIRES,
    FIELD,
    expiry_time,
    extract_texts,
    filters_for_scope,
    get_fields,
    make_document_ids,
    now,
    to_documents,
)

_BATCH_SIZE = 500  # items in one transaction

Batch = tuple[list[Document], list[str]]
"""Documents to put, and ids of documents to remove, in one transaction."""


class StoreWriter:
    """Writes the items of one scope.

    Args:
        flows: The verbs of the scope.
        scope: The ids of the scope by name.
        fields: The paths that are indexed of an item that names none itself; `None` turns the index off.
    """

    def __init__(self, flows: ScopedFlows, scope: Mapping[str, str], fields: Sequence[str] | None) -> None:
        self._flows = flows
        self._scope = scope
        self._fields = fields

    def put_all(self, operations: Sequence[Op]) -> Flow[None]:
        """Return the flow that carries out the puts among `operations`, in transactions of 500.

        Of several puts of one item the last one counts. All puts are checked before this returns, so an unusable one
        fails before anything is written.
        """
        puts = list({(op.namespace, str(op.key)): op for op in operations if isinstance(op, PutOp)}.values())
        starts = range(0, len(puts), _BATCH_SIZE)
        return self._write([self._to_batch(puts[start : start + _BATCH_SIZE]) for start in starts])

    def sweep(self) -> Flow[int]:
        """Delete the expired items and return their number."""
        is_expired = {f"metadata.{EXPIRES}": {"lte": now().isoformat()}}
        filters = {"AND": [*filters_for_scope(self._scope), {f"metadata.{FIELD}.item": "*"}, is_expired]}
        found = yield from self._flows.get_all(filters=filters, limit=1_000_000)
        if found:
            yield from self._flows.delete_all(filters=filters)
        return len({get_fields(memory)["item"] for memory in found})

    def _write(self, batches: Sequence[Batch]) -> Flow[None]:
        for documents, remove in batches:
            yield from self._flows.put(documents, remove=remove)

    def _to_batch(self, puts: Sequence[PutOp]) -> Batch:
        documents: list[Document] = []
        remove: list[str] = []
        for op in puts:
            ids = make_document_ids(self._scope, op.namespace, str(op.key))
            written = [] if op.value is None else self._to_documents(ids, op, op.value)
            documents += written
            remove += ids[len(written) :]  # an item with fewer texts than before, or a deleted one
        return documents, remove

    def _to_documents(self, ids: Sequence[str], op: PutOp, value: Mapping[str, Any]) -> list[Document]:
        moment = now()
        item = Item(value=dict(value), key=str(op.key), namespace=op.namespace, created_at=moment, updated_at=moment)
        paths = self._fields if op.index is None else op.index or []
        texts = [] if self._fields is None else extract_texts(item.value, paths or [])
        return to_documents(ids, item, texts, ttl=op.ttl, expires_at=expiry_time(op.ttl))
