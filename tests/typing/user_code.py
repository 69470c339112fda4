"""A program as users write it; mypy in strict mode must accept it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

from holdfast import AsyncMemory, ChatMessage, Embedder, Memory, StorageError
from holdfast.results import AddedItem, AddResult, MemoryItem


class Ones:
    """A custom embedder."""

    dimensions = 3
    fingerprint = "ones:3"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 3), dtype=np.float32)


def blocking() -> None:
    embedder: Embedder = Ones()
    messages: list[ChatMessage] = [{"role": "user", "content": "I live in Porto"}]
    with Memory(":memory:", llm="rules", embedder=embedder) as memory:
        added = memory.add(messages, user_id="ana", timestamp=datetime(2026, 5, 8, tzinfo=timezone.utc))
        assert_type(added, AddResult)
        assert_type(added["results"], list[AddedItem])
        found = memory.search("home", user_id="ana", limit=3, explain=True)
        assert_type(found["results"], list[MemoryItem])
        assert_type(memory.get(added["results"][0]["id"]), MemoryItem | None)
        try:
            memory.delete_all(user_id="ana")
        except StorageError as error:
            raise SystemExit(1) from error


async def awaiting() -> None:
    async with AsyncMemory(":memory:", llm="rules", embedder="hashing") as memory:
        assert_type(await memory.add("I live in Porto", user_id="ana"), AddResult)
        found = await memory.search("home", user_id="ana")
        assert_type(found["results"], list[MemoryItem])


if __name__ == "__main__":
    blocking()
    asyncio.run(awaiting())
