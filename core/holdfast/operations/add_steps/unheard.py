"""Name the turns that an add takes nothing from because of who says them."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.extraction.facts import Skipped, Turn
from holdfast.operations.add_steps.candidates import Observation

_DETAILS = {
    "system": "system messages are not stored",
    "tool": "no facts are taken from the output of tools",
    "assistant": "the assistant's facts are kept in a scope with an agent_id",
    "user": "in a scope with an agent_id and no user_id, only the assistant's facts are kept",
}


def skip_unheard(observation: Observation, *, stored: Collection[int]) -> list[Skipped]:
    """Return a note of each turn of a role whose facts are not kept.

    Args:
        observation: The conversation.
        stored: The numbers of the turns that are stored, or that a fact was found in.
    """
    sides = observation.sides
    turns = [turn for number, turn in enumerate(observation.turns) if number not in stored and turn.role not in sides]
    return [_note(turn) for turn in turns]


def _note(turn: Turn) -> Skipped:
    if turn.role in _DETAILS:
        return Skipped(f"{turn.role} message", turn.content, _DETAILS[turn.role])
    detail = f"the role {turn.role!r} is unknown: use user, assistant, system or tool"
    return Skipped("unknown role", turn.content, detail)
