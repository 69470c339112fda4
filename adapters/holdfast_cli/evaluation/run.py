"""Add conversations to a memory and ask the questions, through the public methods."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast import InvalidInput, Memory
from holdfast_cli.conversation_files import Conversation
from holdfast_cli.evaluation.locomo import Question, Sample
from holdfast_cli.evaluation.metrics import RECIPROCAL_DEPTH

BUDGETS = (500, 1_000, 2_000)
"""The sizes of the context, in tokens, for which the evidence in it is measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one question.

    Attributes:
        id: The id of the question.
        conversation: The name of the conversation.
        category: The name of the category.
        ranks: The position of each turn of the evidence among the results, from 1, `None` if it is not among them.
        tokens: The number of tokens of the first k results, by k.
        context: The share of the evidence in the context, by the size of the context in tokens.
        milliseconds: The duration of the search.
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
    """The results of all questions with one configuration.

    Attributes:
        engines: The names of the chat model, the embedder and the reranker.
        turns: The number of turns added.
        adding_seconds: The duration of adding them.
        depth: The number of results per question; ranks beyond it are unknown.
        outcomes: One per question, at least one.
        counted_by: The name of the tokenizer that counted the tokens.
    """

    engines: Mapping[str, str | None]
    turns: int
    adding_seconds: float
    depth: int
    outcomes: Sequence[Outcome]
    counted_by: str


Lines = Mapping[str, Sequence[str]]
"""The lines that show a turn or one of its facts, by the label of the turn."""


def run_evaluation(
    memory: Memory,
    samples: Sequence[Sample],
    *,
    ks: Sequence[int],
    on_step: Callable[[str], object],
    keep_turns: bool = False,
) -> Run:
    """Add every conversation, one unchanged turn per add, and ask every question once.

    A question is searched within its conversation. Finding a fact counts as finding the turn it was extracted from.

    Args:
        memory: An empty memory.
        samples: The conversations and their questions.
        ks: The numbers of results to measure at, ascending.
        on_step: Called with the name of the conversation before each session and each question.
        keep_turns: Also extract facts from each turn. The facts are memories, and the turn is found by them too.

    Raises:
        HoldfastError: A turn was not stored, or the memory failed.
    """
    started = time.perf_counter()
    lines = {sample.id: _add_sample(memory, sample, on_step, infer=keep_turns) for sample in samples}
    adding_seconds = time.perf_counter() - started
    depth = max(*ks, RECIPROCAL_DEPTH)
    outcomes: list[Outcome] = []
    for sample in samples:
        for question in sample.questions:
            on_step(sample.id)
            outcomes.append(_ask(memory, sample.id, question, lines[sample.id], ks=ks, depth=depth))
    turns = sum(map(len, lines.values()))
    engines = {**memory.engines, "turns": "stored with their facts"} if keep_turns else memory.engines
    return Run(engines, turns, adding_seconds, depth, outcomes, memory.tokens.counted_by)


def _add_sample(memory: Memory, sample: Sample, on_step: Callable[[str], object], *, infer: bool) -> Lines:
    lines: dict[str, list[str]] = {}
    for session in sample.sessions:
        on_step(sample.id)
        for number, (message, label) in enumerate(zip(session.messages, session.labels, strict=True)):
            turn = label or f"{session.place}, message {number}"
            texts = _add_turn(memory, session, message, turn, infer=infer)
            lines[turn] = [_format_line(message.get("name"), text) for text in texts]
    return lines


def _add_turn(
    memory: Memory, session: Conversation, message: Mapping[str, Any], turn: str, *, infer: bool
) -> list[str]:
    """Add one turn, and return its text and the facts extracted from it."""
    settings: dict[str, Any] = {"metadata": {"turn": turn}, "infer": infer, "keep_turns": infer}
    added = memory.add(message, **session.ids, timestamp=session.timestamp, **settings)
    stored = added.get("turns", added["results"])
    if not stored and not any("id" in item for item in added["skipped"]):
        raise InvalidInput(
            f"{session.place}: a turn was not stored, so its evidence cannot be found: {message['content']!r}"
        )
    return [message["content"], *(item["memory"] for item in added["results"] if infer)]


def _ask(
    memory: Memory, conversation: str, question: Question, lines: Lines, *, ks: Sequence[int], depth: int
) -> Outcome:
    started = time.perf_counter()
    found = memory.search(question.text, user_id=conversation, limit=depth)["results"]
    milliseconds = (time.perf_counter() - started) * 1_000
    ranks = {_get_turn(item): rank for rank, item in reversed(list(enumerate(found, 1)))}
    count_tokens = memory.tokens.of
    sizes = [count_tokens(_format_line(item.get("speaker"), item["memory"])) for item in found]
    cumulated = list(itertools.accumulate(sizes, initial=0.0))
    return Outcome(
        id=question.id,
        conversation=conversation,
        category=question.category,
        ranks=tuple(ranks.get(turn) for turn in question.evidence),
        tokens={k: cumulated[min(k, len(found))] for k in ks},
        context={size: _measure_context(memory, conversation, question, lines, size=size) for size in BUDGETS},
        milliseconds=milliseconds,
    )


def _measure_context(memory: Memory, conversation: str, question: Question, lines: Lines, *, size: int) -> float:
    """Return the share of the evidence in a context of at most `size` tokens."""
    shown = memory.context(question.text, user_id=conversation, max_tokens=size).splitlines()
    is_shown = [any(line.endswith(tuple(lines[turn])) for line in shown) for turn in question.evidence]
    return sum(is_shown) / len(is_shown)


def _get_turn(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["turn"])


def _format_line(speaker: str | None, text: str) -> str:
    return " ".join(f"{speaker}: {text}".split() if speaker else text.split())
