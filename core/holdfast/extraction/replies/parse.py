"""Both readers, from the text of a reply to facts or decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact, KnownMemory, Skipped
from holdfast.extraction.replies.decisions import Plan
from holdfast.extraction.replies.entries import (
    DECISION_LISTS,
    FACT_LISTS,
    fact_in,
    fields_of,
    index_in,
    is_decision,
    is_fact,
)
from holdfast.extraction.replies.json_repair import Reading


def parse_facts(reply: str, *, turns: int) -> tuple[list[Fact], list[Skipped]]:
    """Read the answer to `extraction_messages`.

    Args:
        reply: The model's text.
        turns: How many turns it was shown; other turn numbers become `None`.

    Returns:
        The facts in the order told, and what was left out: `"truncated"`, `"damaged"`, `"not text"`,
        `"blank"` or `"too long"`.

    Raises:
        UnreadableReply: Nothing usable stands in it. An empty list of facts is usable.
    """
    reading = Reading(reply)
    items = reading.items(FACT_LISTS, is_fact)
    outcomes = [fact_in(item, turns) for item in items or () if item is not None]
    facts = [outcome for outcome in outcomes if isinstance(outcome, Fact)]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)] + reading.truncated()
    unusable = any(one.reason in {"not text", "truncated", "damaged"} for one in skipped)
    if items is None or (unusable and not facts):
        raise unreadable(reply, "facts", reading)
    return facts, skipped


def parse_decisions(
    reply: str, *, facts: Sequence[Fact], known: Sequence[KnownMemory]
) -> tuple[list[Decision], list[Skipped]]:
    """Read the answer to `reconciliation_messages`, or one in Mem0's form.

    No fact is lost: one that the model did not decide, or decided about a memory that does not exist, is
    added. No memory is changed twice, and none is overwritten with a text that has nothing to do with it.

    Args:
        reply: The model's text.
        facts: The facts it was shown.
        known: The memories it was shown.

    Returns:
        The decisions, and what was not obeyed: `"truncated"`, `"damaged"`, `"unreadable"`, `"unknown id"`,
        `"unrelated"`, `"decided twice"` or `"too long"`.

    Raises:
        UnreadableReply: Nothing usable stands in it. An empty list of decisions is usable.
    """
    reading = Reading(reply)
    items = reading.items(DECISION_LISTS, is_decision)
    plan = Plan(facts, known)
    for item in items or ():
        plan.take(item)
    understood = plan.understood or not (plan.skipped or reading.truncated())
    if items is None or not understood:
        raise unreadable(reply, "decisions", reading)
    return plan.finished(), plan.skipped + reading.truncated()


def unreadable(reply: str, wanted: str, reading: Reading) -> UnreadableReply:
    """Return what is wrong with a reply that holds no list called `wanted`."""
    if not reply.strip():
        problem = "the reply is empty"
    elif reading.lost is not None:
        problem = "the reply ends before its first entry is complete"
    elif reading.runs:
        problem = f'the reply has no "{wanted}" list with entries of the form asked for'
    else:
        problem = "the reply holds no JSON"
    return UnreadableReply(problem, provider="model")


# The first name is the one asked for; the others are what models make of it.
_RATING_LISTS = ("ratings", "scores", "memories", "results", "items", "data")


_RELEVANT_LISTS = ("relevant", "relevant_memories", "memories", "results", "items", "data")


_INDEX_KEYS = ("memory", "number", "index", "id")


_SCORE_KEYS = ("score", "rating", "relevance", "value")


_MOST = 10.0


_SCORE = re.compile(r"\s*(\d{1,9}(?:\.\d+)?)\s*(?:/\s*10)?\s*", re.ASCII)


def parse_ratings(reply: str, *, count: int) -> dict[int, float]:
    """Read the answer to `rating_messages`.

    Args:
        reply: The model's text.
        count: How many memories it was shown.

    Returns:
        Scores in 0..1 by index; what the model did not rate, or not from 0 to 10, is missing.

    Raises:
        UnreadableReply: Not one rating stands in it.
    """
    reading = Reading(reply)
    items = reading.items(_RATING_LISTS, _is_rating) or []
    rated: dict[int, float] = {}
    for place, item in enumerate(items):
        fields = fields_of(item)
        # Bare numbers are taken in the order of the list, if they are as many.
        bare = not fields and len(items) == count
        index = place if bare else index_in(_first(fields, _INDEX_KEYS), count)
        score = _score_in(item if bare else _first(fields, _SCORE_KEYS))
        if index is not None and score is not None:
            rated.setdefault(index, score)
    if not rated:
        raise unreadable(reply, "ratings", reading)
    # Some rate from 0 to 1 whatever they are asked.
    in_shares = max(rated.values()) <= 1 and any(score % 1 for score in rated.values())
    return {index: score if in_shares else score / _MOST for index, score in rated.items()}


def parse_relevant(reply: str, *, count: int) -> list[int]:
    """Read the answer to `relevance_messages`.

    Args:
        reply: The model's text.
        count: How many memories it was shown.

    Returns:
        The indices of the relevant ones, ascending; none is an answer too.

    Raises:
        UnreadableReply: No list stands in it, the list is cut, or it names none of the memories shown.
    """
    reading = Reading(reply)
    items = reading.items(_RELEVANT_LISTS, _is_rating)
    named = [(index_in(_index_of(item), count), item) for item in items or ()]
    # What a cut list does not name was not judged, and would be dropped unseen.
    if items is None or reading.lost is not None or (items and all(index is None for index, _ in named)):
        raise unreadable(reply, "relevant", reading)
    return sorted({index for index, item in named if index is not None and not _denied(item)})


def _is_rating(value: object) -> bool:
    fields = fields_of(value)
    return any(key in fields for key in _INDEX_KEYS) and len(fields) > 1


def _index_of(item: object) -> object:
    fields = fields_of(item)
    return _first(fields, _INDEX_KEYS) if fields else item


def _denied(item: object) -> bool:
    return any(content is False or content in ("false", "no") for content in fields_of(item).values())


def _first(fields: dict[str, object], keys: tuple[str, ...]) -> object:
    return next((fields[key] for key in keys if key in fields), None)


def _score_in(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        spelled = _SCORE.fullmatch(value)
        value = float(spelled[1]) if spelled else None
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= _MOST else None
