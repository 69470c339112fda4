"""Both readers, from the text of a reply to facts or decisions."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact, Known, Skipped
from holdfast.extraction.replies.entries import DECISION_LISTS, FACT_LISTS, fact_in, is_decision, is_fact
from holdfast.extraction.replies.plan import Plan
from holdfast.extraction.replies.reading import Reading


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
    reply: str, *, facts: Sequence[Fact], known: Sequence[Known]
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
