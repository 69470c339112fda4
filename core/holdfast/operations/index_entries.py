"""Records made findable: their vectors, asked for in one call, and their terms."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from holdfast.extraction import rules
from holdfast.protocols import Embedder
from holdfast.records import MemoryRecord
from holdfast.retrieval.index_text import terms_to_index, text_to_embed
from holdfast.runtime.effects import Flow, embed
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry

STANDING = "standing"
"""The name that every memory bears which says how things stand with the user, beside the name of its kind if known."""

DOCUMENT = "document"
"""The name that every document bears, so that what a conversation may change is told from it."""

TURN = "turn"
"""The name that every turn bears which is kept beside its facts: conversations change those, never the turn."""


def embed_records(
    runtime: Runtime, records: Sequence[MemoryRecord], *, embedder: Embedder | None = None
) -> Flow[list[IndexEntry]]:
    """Return what the index needs of each of `records`, their vectors by `embedder` if not by the core's own.

    Raises:
        ProviderError: The embedder failed.
    """
    maker = runtime.engines.embedder if embedder is None else embedder
    vectors = yield from embed(maker, [text_to_embed(record) for record in records])
    return [_entry(record, vector, maker) for record, vector in zip(records, vectors, strict=True)]


def attribute_labels(text: str, speaker: str | None = None) -> tuple[str, ...]:
    """Return the attributes a text states and whose they are, such as `"/home"` and `"sister/employer"`."""
    attributes = rules.attributes_of(text, speaker=speaker)
    return tuple(f"{one.subject.relation or one.subject.name}/{one.name}" for one in attributes)


def labels_asked(question: str) -> tuple[str, ...]:
    """Return the labels (see `attribute_labels`) under which the answer to a question may be found."""
    attributes = rules.attributes_asked(question)
    people = ("", *rules.people_asked(question)) if attributes else ()
    return tuple(f"{person}/{asked}" for asked in attributes for person in people)


def _entry(record: MemoryRecord, vector: Any, embedder: Embedder) -> IndexEntry:
    names = attribute_labels(record.text, record.speaker)
    if record.facts is not None:
        of_facts = (attribute_labels(fact, record.speaker) for fact in record.facts)
        names = (*names, *itertools.chain.from_iterable(of_facts), TURN)
    elif record.standing is not None:
        names = (*names, STANDING, record.standing)
    elif any(name.startswith("/") for name in names):
        names = (*names, STANDING)
    if record.memory_type == "document":
        names = (*names, DOCUMENT)
    return IndexEntry(vector, terms_to_index(record, labels=names), embedder)
