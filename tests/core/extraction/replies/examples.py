"""Facts and memories that the replies speak about."""

from __future__ import annotations

from tests.known_memories import known_memory

from holdfast.extraction.facts import Fact

UNREADABLE = "unreadable"
FACTS = [Fact("Moved to Porto"), Fact("Likes green tea"), Fact("No longer has a dog")]
KNOWN = [
    known_memory("id-0", "Lives in Berlin"),
    known_memory("id-1", "Has a dog Rex"),
    known_memory("id-2", "Likes green tea and cake"),
]
TO_PORTO = '{"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"}'
