"""How much of a text is questions: what a turn asks it does not tell, the turn after it does."""

from __future__ import annotations

import re

MARK = "?"
"""The name that a turn bears once when about half of it is a question, and twice when nearly all of it is."""

MARKS = 2
"""Most marks of one turn."""

# A mark inside a word, as in an address on the web, ends no sentence; scripts without blanks put none after it.
_SENTENCE = re.compile(r"\S.*?(?:[.!?…؟][\"'”’»)\]]*(?=\s|$)|[。！？]|$)", re.DOTALL)
_ENDS = ".!?…؟。！？\"'”’»)]"
_ASKS = frozenset("?؟？")


def question_share(text: str) -> float:
    """Return the share of the characters of `text` that stand in sentences with a question mark at their end, 0..1."""
    sentences = _SENTENCE.findall(text)
    asked = sum(len(sentence) for sentence in sentences if _asks(sentence))
    return asked / max(sum(map(len, sentences)), 1)


def question_marks(text: str) -> tuple[str, ...]:
    """Return the marks `text` bears as a turn of a conversation."""
    return () if _ASKS.isdisjoint(text) else (MARK,) * round(MARKS * question_share(text))


def _asks(sentence: str) -> bool:
    return not _ASKS.isdisjoint(sentence[len(sentence.rstrip(_ENDS)) :])
