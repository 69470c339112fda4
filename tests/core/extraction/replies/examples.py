"""Facts and memories that the replies speak about."""

from __future__ import annotations

from holdfast.extraction.facts import Fact, KnownMemory

UNREADABLE = "unreadable"
FACTS = [Fact("Moved to Porto"), Fact("Likes green tea"), Fact("No longer has a dog")]
KNOWN = [
    KnownMemory("id-0", "Lives in Berlin"),
    KnownMemory("id-1", "Has a dog Rex"),
    KnownMemory("id-2", "Likes green tea and cake"),
]
TO_PORTO = '{"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"}'
