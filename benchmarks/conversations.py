"""What two people say to an agent over the years: turns of named sessions, and questions all signals answer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.corpus import corpus, queries

SCOPE = 1_000
"""Turns of one owner."""

_SESSION = 20  # turns, about as many as in LoCoMo's shorter sessions
_SPEAKERS = ("Ana", "Tom")
_ROLES = ("user", "assistant")
_WITHOUT_SESSIONS = 10  # every tenth owner's turns belong to no session, hence have no neighbours
_STATED = {0: "I live in Lasu: ", 3: "It was last week: "}  # of every seven turns, so that both speakers say it
_ASKED = 5  # of every seven turns


@dataclass(frozen=True)
class Session:
    """Turns of one owner, in one `add`.

    Attributes:
        owner: Whose memories they become.
        name: The session's; `None` for turns of no session.
        turns: Who says what, in order.
    """

    owner: str
    name: str | None
    turns: list[tuple[str, str]]

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns in OpenAI's shape."""
        return [
            {"role": _ROLES[_SPEAKERS.index(speaker)], "name": speaker, "content": text} for speaker, text in self.turns
        ]

    @property
    def embedded(self) -> list[str]:
        """The texts whose vectors stand for the turns."""
        return [f"{speaker}: {text}" for speaker, text in self.turns]


def sessions(first: int, last: int) -> Iterator[Session]:
    """Yield what is said from turn number `first` up to `last`: 1,000 turns of one owner, then of the next.

    Args:
        first: A multiple of 20, the turns of a session.
        last: The same.
    """
    texts = corpus(last - first, owners=1, first=first).texts
    for start in range(first, last, _SESSION):
        owner = start // SCOPE
        name = f"session-{start // _SESSION}" if _has_sessions(owner) else None
        turns = [_turn(number, texts[number - first]) for number in range(start, min(start + _SESSION, last))]
        yield Session(f"user-{owner}", name, turns)


def newcomers(count: int, *, first: int) -> list[Session]:
    """Return `count` turns nobody of `sessions` said, each to be added by itself."""
    texts = corpus(count, owners=1, first=10**7 + first).texts
    return [Session("newcomer", f"session-{first}", [_turn(number, text)]) for number, text in enumerate(texts)]


def owners(turns: int, *, with_sessions: bool) -> list[str]:
    """Return those to whom the first `turns` belong and who have, or do not have, sessions."""
    return [f"user-{number}" for number in range(-(-turns // SCOPE)) if _has_sessions(number) == with_sessions]


def questions(count: int) -> list[str]:
    """Return questions in words that turns hold, by a speaker's name, after a time and after a stated property."""
    return [f"When did {_SPEAKERS[place % 2]} say where I live: {query}?" for place, query in enumerate(queries(count))]


def _has_sessions(owner: int) -> bool:
    return owner % _WITHOUT_SESSIONS != _WITHOUT_SESSIONS - 1


def _turn(number: int, text: str) -> tuple[str, str]:
    end = "?" if number % 7 == _ASKED else ""
    return _SPEAKERS[number % 2], f"{_STATED.get(number % 7, '')}{text}{end}"
