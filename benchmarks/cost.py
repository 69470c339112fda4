"""Count the model calls of an add with inference, and the prompt tokens in addition to the conversation."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import holdfast
from benchmarks.corpus import TopicEmbedder, make_corpus, make_topic_word
from benchmarks.measurement import Extent, make_folder
from benchmarks.mem0_subject import make_mem0_memory
from benchmarks.table import Row
from holdfast.protocols import ChatMessage, JsonObject

_CHARACTERS_PER_TOKEN = 4
_MAX_TOKENS = 1_500


def rows(_: Extent, folder: Path) -> Iterator[Row]:
    """Count calls and prompt tokens of an add without and with a similar memory."""
    texts = [f"{make_topic_word(1)} is what I said {when}" for when in ("first", "then")]
    ours, peer = _ours(texts, make_folder(folder / "ours")), _peer(texts, make_folder(folder / "peer"))
    for place, known in enumerate(("no", "a")):
        calls = f"model calls of an add with inference, {known} similar memory"
        yield Row(calls, len(ours[place]), len(peer[place]), at_most=place + 1, of_ours=True)
    measure = "prompt tokens in addition to the conversation, "
    yield Row(measure + "no similar memory", ours[0][0], peer[0][0], at_most=_MAX_TOKENS, of_ours=True)
    yield Row(measure + "a similar memory", sum(ours[1]), sum(peer[1]))


def _ours(texts: Sequence[str], folder: Path) -> list[list[int]]:
    model = ScriptedModel(texts)
    memory = holdfast.Memory(folder / "memory.db", llm=model, embedder=TopicEmbedder())
    counts = [_count_prompt_tokens(model, memory, text) for text in texts]
    memory.close()
    return counts


def _peer(texts: Sequence[str], folder: Path) -> list[list[int]]:
    memory = make_mem0_memory(folder, "faiss")
    memory.llm = model = PeerModel(texts)
    counts = [_count_prompt_tokens(model, memory, text) for text in texts]
    memory.close()
    return counts


def _count_prompt_tokens(model: ScriptedModel | PeerModel, memory: Any, text: str) -> list[int]:
    """Add `text`, and return the prompt tokens of each call without those of the text."""
    before = len(model.prompts)
    memory.add(text, user_id="user-1")
    return [(characters - len(text)) // _CHARACTERS_PER_TOKEN for characters in model.prompts[before:]]


class ScriptedModel:
    """A chat model that extracts one fact from every conversation and decides to add every fact.

    Args:
        facts: The facts in order; by default made-up texts.
        latency: The seconds each call takes.

    Attributes:
        prompts: The number of characters of each prompt.
    """

    def __init__(self, facts: Sequence[str] | None = None, *, latency: float = 0.0) -> None:
        self._facts = iter(facts or make_corpus(10_000, owners=1).texts)
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
    """`ScriptedModel` with Mem0's interface."""

    def __init__(self, facts: Sequence[str] | None = None, *, latency: float = 0.0) -> None:
        self._facts = iter(facts or make_corpus(10_000, owners=1).texts)
        self._latency = latency
        self.prompts: list[int] = []

    def generate_response(self, messages: Sequence[Mapping[str, str]], **_: object) -> str:
        """Answer after the latency."""
        time.sleep(self._latency)
        self.prompts.append(sum(len(message["content"]) for message in messages))
        return json.dumps({"memory": [{"text": next(self._facts), "attributed_to": "user"}]})
