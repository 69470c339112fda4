"""Made-up conversations of two speakers in sessions, and questions that use every signal of a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.corpus import make_corpus, make_queries

SCOPE = 1_000
"""The number of turns of one owner."""

_SESSION_TURNS = 20  # about as many as in LoCoMo's shorter sessions
_SPEAKERS = ("Ana", "Tom")
_ROLES = ("user", "assistant")
_SESSIONLESS_OWNERS = 10  # the turns of every tenth owner have no session, hence no neighbouring turns
_ATTRIBUTES = {
    0: "I live in Lasu: ",
    3: "It was last week: ",
}  # of every seven turns; seven is odd, so both speakers say it
_QUESTION = 5  # of every seven turns one is a question


@dataclass(frozen=True)
class Session:
    """The turns of one owner in one `add`.

    Attributes:
        owner: The user.
        name: The name of the session; `None` for turns without a session.
        turns: Speaker and text, in order.
    """

    owner: str
    name: str | None
    turns: list[tuple[str, str]]

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns as OpenAI-style messages."""
        return [
            {"role": _ROLES[_SPEAKERS.index(speaker)], "name": speaker, "content": text} for speaker, text in self.turns
        ]

    @property
    def embedded_texts(self) -> list[str]:
        """The texts that are embedded for the turns."""
        return [f"{speaker}: {text}" for speaker, text in self.turns]


def make_sessions(first: int, last: int) -> Iterator[Session]:
    """Yield the sessions of turn `first` up to `last`: 1,000 turns of one owner, then of the next.

    Args:
        first: A multiple of 20, the turns of a session.
        last: The same.
    """
    texts = make_corpus(last - first, owners=1, first=first).texts
    for start in range(first, last, _SESSION_TURNS):
        owner = start // SCOPE
        name = f"session-{start // _SESSION_TURNS}" if _has_sessions(owner) else None
        turns = [
            _make_turn(number, texts[number - first]) for number in range(start, min(start + _SESSION_TURNS, last))
        ]
        yield Session(f"user-{owner}", name, turns)


def make_new_sessions(count: int, *, first: int) -> list[Session]:
    """Return `count` sessions of one turn each, none of which `make_sessions` returns."""
    texts = make_corpus(count, owners=1, first=10**7 + first).texts
    return [Session("newcomer", f"session-{first}", [_make_turn(number, text)]) for number, text in enumerate(texts)]


def list_owners(turns: int, *, with_sessions: bool) -> list[str]:
    """Return the owners of the first `turns` that have, or do not have, sessions."""
    return [f"user-{number}" for number in range(-(-turns // SCOPE)) if _has_sessions(number) == with_sessions]


def make_questions(count: int) -> list[str]:
    """Return questions with words of turns, the name of a speaker, and a question for a time and an attribute."""
    return [
        f"When did {_SPEAKERS[place % 2]} say where I live: {query}?" for place, query in enumerate(make_queries(count))
    ]


def _has_sessions(owner: int) -> bool:
    return owner % _SESSIONLESS_OWNERS != _SESSIONLESS_OWNERS - 1


def _make_turn(number: int, text: str) -> tuple[str, str]:
    end = "?" if number % 7 == _QUESTION else ""
    return _SPEAKERS[number % 2], f"{_ATTRIBUTES.get(number % 7, '')}{text}{end}"
