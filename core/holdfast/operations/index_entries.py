"""Make records findable: their vectors, embedded in one call, and their terms.

Beside its words, a memory is indexed under labels, such as the attributes it states.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from holdfast.extraction import rules
from holdfast.protocols import Embedder
from holdfast.records import MemoryRecord
from holdfast.retrieval.index_text import terms_to_index, text_to_embed
from holdfast.runtime.effects import Flow, embed
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import IndexEntry

PROFILE_FACT = "standing"
"""The label of every profile fact, beside the label of its kind where that is known."""

DOCUMENT = "document"
"""The label of every document: no conversation changes one."""

TURN = "turn"
"""The label of every turn that is kept beside its facts: a conversation changes the facts, never the turn."""


def embed_records(
    runtime: Runtime, records: Sequence[MemoryRecord], *, embedder: Embedder | None = None
) -> Flow[list[IndexEntry]]:
    """Return the index entry of each of `records`, embedded in one call; by default with the runtime's embedder.

    Raises:
        ProviderError: The embedder failed.
    """
    used = runtime.engines.embedder if embedder is None else embedder
    vectors = yield from embed(used, [text_to_embed(record) for record in records])
    return [index_entry(record, vector, used) for record, vector in zip(records, vectors, strict=True)]


def index_entry(record: MemoryRecord, vector: Any, embedder: Embedder | None) -> IndexEntry:
    """Return the index entry of `record` with this vector."""
    labels = [*_indexed_labels(record.text, record.speaker)]
    if record.facts is not None:
        labels += [label for fact in record.facts for label in _indexed_labels(fact, record.speaker)] + [TURN]
    elif record.standing is not None:
        labels += [PROFILE_FACT, record.standing]
    elif any(label.startswith("/") for label in labels):
        labels.append(PROFILE_FACT)
    if record.memory_type == "document":
        labels.append(DOCUMENT)
    return IndexEntry(vector, terms_to_index(record, labels=labels), embedder)


def attribute_labels(text: str, speaker: str | None = None) -> tuple[str, ...]:
    """Return a label for each attribute that a text states: whose it is and its name.

    >>> attribute_labels("I live in Lisbon."), attribute_labels("My sister works at Bosch.")
    (('/home',), ('sister/employer',))
    """
    return tuple(_label_of(attribute) for attribute in rules.attributes_of(text, speaker=speaker))


def ended_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels of memories that only end these attributes, such as "I quit my job".

    They have labels of their own, because a question asks for a value first: where one is known, a memory without a
    value must not compete with it.
    """
    return tuple(f"{label} ended" for label in labels)


def labels_asked(question: str) -> tuple[str, ...]:
    """Return the labels of the attributes that a question asks for.

    >>> labels_asked("Where does Ana work?")
    ('/employer', 'ana/employer')
    """
    attributes = rules.attributes_asked(question)
    people = ("", *rules.people_asked(question)) if attributes else ()
    return tuple(f"{person}/{asked}" for asked in attributes for person in people)


def _label_of(attribute: rules.Attribute) -> str:
    return f"{attribute.subject.relation or attribute.subject.name}/{attribute.name}"


def _indexed_labels(text: str, speaker: str | None) -> Iterator[str]:
    for attribute in rules.attributes_of(text, speaker=speaker):
        label = _label_of(attribute)
        yield from (label,) if attribute.value else ended_labels([label])
