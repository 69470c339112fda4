"""What an inferring add costs at the model: calls, and the tokens sent beside the conversation itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import holdfast
from benchmarks.corpus import TopicEmbedder, corpus, topic_word
from benchmarks.peer import mem0_memory
from benchmarks.setting import Extent, made
from benchmarks.table import Row
from holdfast.protocols import ChatMessage, JsonObject

_CHARACTERS_PER_TOKEN = 4
_MOST_TOKENS = 1_500


def rows(_: Extent, folder: Path) -> Iterator[Row]:
    """Count calls and prompt tokens of an add when nothing similar is known, and when something is."""
    said = [f"{topic_word(1)} is what I said {when}" for when in ("first", "then")]
    ours, peer = _ours(said, made(folder / "ours")), _peer(said, made(folder / "peer"))
    for place, known in enumerate(("nothing", "something")):
        calls = f"model calls of an inferring add, {known} similar known"
        yield Row(calls, len(ours[place]), len(peer[place]), at_most=place + 1, of_ours=True)
    measure = "prompt tokens beside the conversation, "
    yield Row(measure + "nothing similar", ours[0][0], peer[0][0], at_most=_MOST_TOKENS, of_ours=True)
    yield Row(measure + "something similar", sum(ours[1]), sum(peer[1]))


def _ours(said: Sequence[str], folder: Path) -> list[list[int]]:
    model = ScriptedModel(said)
    memory = holdfast.Memory(folder / "memory.db", llm=model, embedder=TopicEmbedder())
    spent = [_spent(model, memory, text) for text in said]
    memory.close()
    return spent


def _peer(said: Sequence[str], folder: Path) -> list[list[int]]:
    memory = mem0_memory(folder, "faiss")
    memory.llm = model = PeerModel(said)
    spent = [_spent(model, memory, text) for text in said]
    memory.close()
    return spent


def _spent(model: ScriptedModel | PeerModel, memory: Any, text: str) -> list[int]:
    """Add `text` and return the prompt tokens of each call this took, the text itself not counted."""
    before = len(model.prompts)
    memory.add(text, user_id="user-1")
    return [(characters - len(text)) // _CHARACTERS_PER_TOKEN for characters in model.prompts[before:]]


class ScriptedModel:
    """A chat model that finds one fact in every conversation and keeps every fact beside what is known.

    Args:
        facts: What it finds, one after the other; made-up texts by default.
        latency: Seconds every call takes.

    Attributes:
        prompts: Characters of each prompt it was sent.
    """

    def __init__(self, facts: Sequence[str] | None = None, *, latency: float = 0.0) -> None:
        self._facts = iter(facts or corpus(10_000, owners=1).texts)
        self._latency = latency
        self.prompts: list[int] = []

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer after the latency."""
        if self._latency:
            time.sleep(self._latency)
        return self._reply(messages, schema)

    async def acomplete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:
        """Answer after an awaited latency."""
        await asyncio.sleep(self._latency)
        return self._reply(messages, schema)

    def _reply(self, messages: Sequence[ChatMessage], schema: JsonObject | None) -> str:
        self.prompts.append(sum(len(message["content"]) for message in messages))
        if schema is not None and schema.get("required") == ["decisions"]:
            return json.dumps({"decisions": [{"fact": 0, "event": "ADD", "memory": None, "text": None}]})
        return json.dumps(
            {"facts": [{"text": next(self._facts), "turn": 0, "attributed_to": "user", "standing": "none"}]}
        )


class PeerModel:
    """`ScriptedModel` in the words of Mem0."""

    def __init__(self, facts: Sequence[str] | None = None, *, latency: float = 0.0) -> None:
        self._facts = iter(facts or corpus(10_000, owners=1).texts)
        self._latency = latency
        self.prompts: list[int] = []

    def generate_response(self, messages: Sequence[Mapping[str, str]], **_: object) -> str:
        """Answer after the latency."""
        time.sleep(self._latency)
        self.prompts.append(sum(len(message["content"]) for message in messages))
        return json.dumps({"memory": [{"text": next(self._facts), "attributed_to": "user"}]})
