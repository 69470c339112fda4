"""How much of a text is questions: what a turn asks it does not say, the turn after it does."""

from __future__ import annotations

import re

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
