"""Which kind of answer a question wants, and which kinds a text can give: a time, a number.

Of two turns about the same thing, "when did you" is answered by the one that says "last week". Worth 0.6 points of
recall@10 on five LoCoMo conversations, and at worst nothing in one. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from holdfast.retrieval.tokenize import stem_words

TIME = "when"
NUMBER = "how many"

_TIMES = frozenset(
    stem_words(
        """
        yesterday today tomorrow tonight last next ago day week weekend month year spring summer autumn winter recently
        Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August
        September October November December
        """
    )
)
_NUMBERS = frozenset(
    stem_words(
        "two three four five six seven eight nine ten eleven twelve dozen hundred thousand half once twice several"
    )
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_ASKS_TIME = re.compile(
    r"\W*(?:when|(?:since|until) when|how long|(?:what|which) time)\b"
    r"|.{0,40}\b(?:what|which) (?:date|day|month|year)\b",
    re.IGNORECASE,
)
_ASKS_NUMBER = re.compile(r"\bhow (?:many|much|old|long|often|far|tall|big)\b", re.IGNORECASE)


def answers_in(stems: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of answers a text with these stems (see `stem_words`) can give."""
    distinct = set(stems)
    figures = [stem for stem in distinct if "0" <= stem[0] <= "9"]
    time = not _TIMES.isdisjoint(distinct) or any(map(_YEAR.fullmatch, figures))
    return (TIME,) * time + (NUMBER,) * (bool(figures) or not _NUMBERS.isdisjoint(distinct))


def answers_asked(question: str) -> tuple[str, ...]:
    """Return the kinds of answers a question may want."""
    return (TIME,) * bool(_ASKS_TIME.match(question)) + (NUMBER,) * bool(_ASKS_NUMBER.search(question))


QUESTION_LABEL = "?"
"""The name that a turn bears once when about half of it is a question, and twice when nearly all of it is."""


MAX_QUESTION_LABELS = 2
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


def question_labels(text: str) -> tuple[str, ...]:
    """Return the marks `text` bears as a turn of a conversation."""
    return () if _ASKS.isdisjoint(text) else (QUESTION_LABEL,) * round(MAX_QUESTION_LABELS * question_share(text))


def _asks(sentence: str) -> bool:
    return not _ASKS.isdisjoint(sentence[len(sentence.rstrip(_ENDS)) :])
