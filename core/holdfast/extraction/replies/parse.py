"""The readers of a model's replies, one for each question that `prompts` asks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact, SimilarMemory, Skipped
from holdfast.extraction.replies.decisions import DecisionPlan
from holdfast.extraction.replies.entries import (
    DECISION_LISTS,
    FACT_LISTS,
    is_decision,
    is_fact,
    normalised_fields,
    read_fact,
    read_index,
    statements,
)
from holdfast.extraction.replies.json_repair import ReplyValues

# The first name is the one asked for; the others are what models make of it.
_RATING_LISTS = ("ratings", "scores", "memories", "results", "items", "data")
_RELEVANT_LISTS = ("relevant", "relevant_memories", "memories", "results", "items", "data")
_INDEX_KEYS = ("memory", "number", "index", "id")
_SCORE_KEYS = ("score", "rating", "relevance", "value")
_MAX_SCORE = 10.0
_SCORE = re.compile(r"\s*(\d{1,9}(?:\.\d+)?)\s*(?:/\s*10)?\s*", re.ASCII)


def parse_facts(reply: str, *, turns: int) -> tuple[list[Fact], list[Skipped]]:
    """Read the answer to `extraction_messages`.

    Args:
        reply: The model's text.
        turns: How many turns it was shown; other turn numbers become `None`.

    Returns:
        The facts in the order of the reply, and what was left out: `"truncated"`, `"damaged"`, `"not text"`,
        `"blank"`, `"placeholder"` or `"too long"`.

    Raises:
        UnreadableReply: It contains nothing usable. An empty list of facts is usable.

    >>> facts, skipped = parse_facts('{"facts": [{"text": "Likes tea", "turn": 0}, {"text": "Lives in', turns=1)
    >>> [fact.text for fact in facts], [one.reason for one in skipped]
    (['Likes tea'], ['truncated'])
    """
    values = ReplyValues(reply)
    items = values.items(FACT_LISTS, is_fact)
    entries = [one for item in items or () for one in statements(item)]
    outcomes = [read_fact(item, turns) for item in entries if item is not None]
    facts = [outcome for outcome in outcomes if isinstance(outcome, Fact)]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)] + values.truncated()
    has_unusable = any(one.reason in {"not text", "truncated", "damaged"} for one in skipped)
    if items is None or (has_unusable and not facts):
        raise _unreadable(reply, "facts", values)
    return facts, skipped


def parse_decisions(
    reply: str, *, facts: Sequence[Fact], known: Sequence[SimilarMemory]
) -> tuple[list[Decision], list[Skipped]]:
    """Read the answer to `reconciliation_messages`, or one in Mem0's form.

    No fact is lost: one that the model did not decide, or decided about a memory that does not exist, is added. No
    memory is changed twice, and none is overwritten with an unrelated text.

    Args:
        reply: The model's text.
        facts: The facts it was shown.
        known: The memories it was shown.

    Returns:
        The decisions, and what was refused: `"truncated"`, `"damaged"`, `"unreadable"`, `"unknown id"`,
        `"unrelated"`, `"decided twice"` or `"too long"`.

    Raises:
        UnreadableReply: It contains nothing usable. An empty list of decisions is usable.

    >>> reply = '{"decisions": [{"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"}]}'
    >>> from holdfast.records import MemoryRecord
    >>> from holdfast.scope import Scope
    >>> known = [SimilarMemory(MemoryRecord("an id", "Lives in Lisbon", Scope(user_id="ana"), 0, 0, 0))]
    >>> decisions, _ = parse_decisions(reply, facts=[Fact("Lives in Porto")], known=known)
    >>> decisions[0].event, decisions[0].known, decisions[0].text
    ('UPDATE', 0, 'Lives in Porto')
    """
    values = ReplyValues(reply)
    items = values.items(DECISION_LISTS, is_decision)
    plan = DecisionPlan(facts, known)
    for item in items or ():
        plan.add(item)
    is_understood = plan.is_understood or not (plan.skipped or values.truncated())
    if items is None or not is_understood:
        raise _unreadable(reply, "decisions", values)
    return plan.complete(), plan.skipped + values.truncated()


def parse_ratings(reply: str, *, count: int) -> dict[int, float]:
    """Read the answer to `rating_messages`.

    Args:
        reply: The model's text.
        count: How many memories it was shown.

    Returns:
        Scores in 0..1 by index; what the model did not rate, or not from 0 to 10, is missing.

    Raises:
        UnreadableReply: It contains no rating.

    >>> parse_ratings('{"ratings": [{"memory": 1, "score": 7}]}', count=2)
    {1: 0.7}
    """
    values = ReplyValues(reply)
    items = values.items(_RATING_LISTS, _is_rating) or []
    ratings: dict[int, float] = {}
    for place, item in enumerate(items):
        fields = normalised_fields(item)
        # Some models answer with bare numbers; those are taken in order if there is one for each memory.
        is_bare = not fields and len(items) == count
        index = place if is_bare else read_index(_first(fields, _INDEX_KEYS), count)
        score = _read_score(item if is_bare else _first(fields, _SCORE_KEYS))
        if index is not None and score is not None:
            ratings.setdefault(index, score)
    if not ratings:
        raise _unreadable(reply, "ratings", values)
    # Some models rate from 0 to 1 whatever they are asked for.
    uses_shares = max(ratings.values()) <= 1 and any(score % 1 for score in ratings.values())
    return {index: score if uses_shares else score / _MAX_SCORE for index, score in ratings.items()}


def parse_relevant(reply: str, *, count: int) -> list[int]:
    """Read the answer to `relevance_messages`.

    Args:
        reply: The model's text.
        count: How many memories it was shown.

    Returns:
        The indexes of the relevant ones, ascending; an empty list is a valid answer.

    Raises:
        UnreadableReply: It contains no list, the list is truncated, or names none of the memories shown.

    >>> parse_relevant('{"relevant": [2, 0]}', count=3)
    [0, 2]
    """
    values = ReplyValues(reply)
    items = values.items(_RELEVANT_LISTS, _is_rating)
    named = [(read_index(_index_value(item), count), item) for item in items or ()]
    # The model has not judged what a truncated list does not name; it must not be dropped unseen.
    if items is None or values.lost is not None or (items and all(index is None for index, _ in named)):
        raise _unreadable(reply, "relevant", values)
    return sorted({index for index, item in named if index is not None and not _is_denied(item)})


def _unreadable(reply: str, wanted: str, values: ReplyValues) -> UnreadableReply:
    """Return the error for a reply without a usable list called `wanted`; the model is shown its text."""
    if not reply.strip():
        problem = "the reply is empty"
    elif values.ends_in_reasoning:
        problem = "the reply ends within its reasoning, before any answer: raise the limit of tokens"
    elif values.lost is not None:
        problem = "the reply ends before its first entry is complete"
    elif values.runs:
        problem = f'the reply has no "{wanted}" list with entries of the form asked for'
    else:
        problem = "the reply holds no JSON"
    return UnreadableReply(problem, provider="model", reply=reply)


def _is_rating(value: object) -> bool:
    fields = normalised_fields(value)
    return any(key in fields for key in _INDEX_KEYS) and len(fields) > 1


def _index_value(item: object) -> object:
    fields = normalised_fields(item)
    return _first(fields, _INDEX_KEYS) if fields else item


def _is_denied(item: object) -> bool:
    """Return whether an entry such as `{"memory": 2, "relevant": false}` says no."""
    return any(content is False or content in ("false", "no") for content in normalised_fields(item).values())


def _first(fields: dict[str, object], keys: tuple[str, ...]) -> object:
    return next((fields[key] for key in keys if key in fields), None)


def _read_score(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _SCORE.fullmatch(value)
        value = float(match[1]) if match else None
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= _MAX_SCORE else None
