"""Memories for tests of reconciliation, which reads no more of them than id, text and similarity."""

from holdfast.extraction.facts import SimilarMemory
from holdfast.records import MemoryRecord
from holdfast.scope import Scope


def known_memory(memory_id: str, text: str, similarity: float = 0.0) -> SimilarMemory:
    record = MemoryRecord(memory_id, text, Scope(user_id="ana"), created_at=0, updated_at=0, recorded_at=0)
    return SimilarMemory(record, similarity)
