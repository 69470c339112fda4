"""What kind of answer a question asks for, what kinds a text can give, and how much of a text is itself a question.

Of two turns about the same thing, the one that says "last week" answers "when did you". Worth 0.6 points of recall@10
on five LoCoMo conversations, and nothing at worst in any of them. Kinds of answers are recognised in English only,
questions in any language.
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
    """Return the kinds of answers that a text with these stems (see `stem_words`) can give.

    >>> answers_in(stem_words("We met twice in March"))
    ('when', 'how many')
    """
    distinct = set(stems)
    figures = [stem for stem in distinct if "0" <= stem[0] <= "9"]
    time = not _TIMES.isdisjoint(distinct) or any(map(_YEAR.fullmatch, figures))
    return (TIME,) * time + (NUMBER,) * (bool(figures) or not _NUMBERS.isdisjoint(distinct))


def answers_asked(question: str) -> tuple[str, ...]:
    """Return the kinds of answers that a question may ask for.

    >>> answers_asked("When did Ana move?")
    ('when',)
    """
    return (TIME,) * bool(_ASKS_TIME.match(question)) + (NUMBER,) * bool(_ASKS_NUMBER.search(question))


QUESTION_LABEL = "?"
"""The label (see `label_terms`) of a turn that is a question: once if about half of it is, twice if nearly all is."""

MAX_QUESTION_LABELS = 2
"""Most question labels of one turn."""

# A mark inside a word, as in a web address, ends no sentence; scripts without spaces put none after it.
_SENTENCE = re.compile(r"\S.*?(?:[.!?…؟][\"'”’»)\]]*(?=\s|$)|[。！？]|$)", re.DOTALL)
_SENTENCE_ENDS = ".!?…؟。！？\"'”’»)]"
_QUESTION_MARKS = frozenset("?؟？")


def question_share(text: str) -> float:
    """Return the share of the characters of `text` that are in sentences ending with a question mark, 0..1.

    >>> question_share("I see. Why?")
    0.4
    """
    sentences = _SENTENCE.findall(text)
    in_questions = sum(len(sentence) for sentence in sentences if _is_question(sentence))
    return in_questions / max(sum(map(len, sentences)), 1)


def question_labels(text: str) -> tuple[str, ...]:
    """Return the question labels of `text` as a turn of a conversation.

    >>> question_labels("Did you like it?")
    ('?', '?')
    """
    if _QUESTION_MARKS.isdisjoint(text):
        return ()
    return (QUESTION_LABEL,) * round(MAX_QUESTION_LABELS * question_share(text))


def _is_question(sentence: str) -> bool:
    return not _QUESTION_MARKS.isdisjoint(sentence[len(sentence.rstrip(_SENTENCE_ENDS)) :])
