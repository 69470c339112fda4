"""Conversations into a memory, questions to it: through the public verbs, as any program would."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast import InvalidInput, Memory
from holdfast_cli.conversations import Conversation
from holdfast_cli.evaluation.locomo import Question, Sample
from holdfast_cli.evaluation.metrics import RECIPROCAL_DEPTH

BUDGETS = (500, 1_000, 2_000)
"""Rooms, in tokens, within which `context` is asked for the evidence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    Attributes:
        id: The question's.
        conversation: The conversation it is about.
        category: Its category's name.
        ranks: For each piece of evidence its place among the results, from 1, `None` when it is not among them.
        tokens: How many tokens the first k results take, by k.
        context: The share of the evidence that stands in the context, by its room in tokens.
        milliseconds: How long the search took.
    """

    id: str
    conversation: str
    category: str
    ranks: tuple[int | None, ...]
    tokens: Mapping[int, float]
    context: Mapping[int, float]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all questions with one configuration.

    Attributes:
        engines: Who decided, embedded and reranked, in words.
        turns: How many turns were remembered.
        adding_seconds: How long remembering them took.
        depth: How many results each question was given; ranks beyond it are not known.
        outcomes: One per question, at least one.
        counted_by: Whose count the tokens are, in words.
    """

    engines: Mapping[str, str | None]
    turns: int
    adding_seconds: float
    depth: int
    outcomes: Sequence[Outcome]
    counted_by: str


Lines = Mapping[str, Sequence[str]]
"""How each turn reads, and the facts it told, by the turn's name."""


def run(
    memory: Memory,
    samples: Sequence[Sample],
    *,
    ks: Sequence[int],
    tell: Callable[[str], object],
    keep_turns: bool = False,
) -> Run:
    """Remember every conversation (one add per turn, kept as it is) and ask every question once.

    A question is asked within its conversation only. Who finds a fact has found the turn that told it.

    Args:
        memory: An empty one.
        samples: The conversations and their questions.
        ks: How many results are looked at, ascending.
        tell: Called with the conversation's name before each session and each question.
        keep_turns: Also extract the facts of each turn: they are memories too, and keys of the turn.

    Raises:
        HoldfastError: A turn was not kept, or the memory failed.
    """
    started = time.perf_counter()
    lines = {sample.id: _remembered(memory, sample, tell, infer=keep_turns) for sample in samples}
    adding_seconds = time.perf_counter() - started
    depth = max(*ks, RECIPROCAL_DEPTH)
    outcomes: list[Outcome] = []
    for sample in samples:
        for question in sample.questions:
            tell(sample.id)
            outcomes.append(_asked(memory, sample.id, question, lines[sample.id], ks=ks, depth=depth))
    turns = sum(map(len, lines.values()))
    engines = {**memory.engines, "turns": "kept beside their facts"} if keep_turns else memory.engines
    return Run(engines, turns, adding_seconds, depth, outcomes, memory.tokens.counted_by)


def _remembered(memory: Memory, sample: Sample, tell: Callable[[str], object], *, infer: bool) -> Lines:
    lines: dict[str, list[str]] = {}
    for session in sample.sessions:
        tell(sample.id)
        for number, (message, label) in enumerate(zip(session.messages, session.labels, strict=True)):
            turn = label or f"{session.place}, message {number}"
            texts = _texts(memory, session, message, turn, infer=infer)
            lines[turn] = [_line(message.get("name"), text) for text in texts]
    return lines


def _texts(memory: Memory, session: Conversation, message: Mapping[str, Any], turn: str, *, infer: bool) -> list[str]:
    """Add one turn; return what it says and the facts it told."""
    about: dict[str, Any] = {"metadata": {"turn": turn}, "infer": infer, "keep_turns": infer}
    added = memory.add(message, **session.ids, timestamp=session.timestamp, **about)
    kept = added.get("turns", added["results"])
    if not kept and not any("id" in item for item in added["skipped"]):
        raise InvalidInput(f"{session.place}: a turn was not kept, so evidence cannot be told: {message['content']!r}")
    return [message["content"], *(item["memory"] for item in added["results"] if infer)]


def _asked(
    memory: Memory, conversation: str, question: Question, lines: Lines, *, ks: Sequence[int], depth: int
) -> Outcome:
    started = time.perf_counter()
    found = memory.search(question.text, user_id=conversation, limit=depth)["results"]
    milliseconds = (time.perf_counter() - started) * 1_000
    places = {_turn_of(item): rank for rank, item in reversed(list(enumerate(found, 1)))}
    count = memory.tokens.of
    sizes = [count(_line(item.get("speaker"), item["memory"])) for item in found]
    so_far = list(itertools.accumulate(sizes, initial=0.0))
    return Outcome(
        id=question.id,
        conversation=conversation,
        category=question.category,
        ranks=tuple(places.get(turn) for turn in question.evidence),
        tokens={k: so_far[min(k, len(found))] for k in ks},
        context={room: _recalled(memory, conversation, question, lines, room=room) for room in BUDGETS},
        milliseconds=milliseconds,
    )


def _recalled(memory: Memory, conversation: str, question: Question, lines: Lines, *, room: int) -> float:
    """Return the share of the evidence that stands in the context of `room` tokens."""
    shown = memory.context(question.text, user_id=conversation, max_tokens=room).splitlines()
    there = [any(line.endswith(tuple(lines[turn])) for line in shown) for turn in question.evidence]
    return sum(there) / len(there)


def _turn_of(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["turn"])


def _line(speaker: str | None, text: str) -> str:
    return " ".join(f"{speaker}: {text}".split() if speaker else text.split())
