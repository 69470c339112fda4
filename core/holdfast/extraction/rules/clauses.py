"""Cut a sentence into clauses that can each stand alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.extraction.rules.language import Language
from holdfast.extraction.rules.sentences import capitalize, strip_closing

_DASHES = frozenset(("-", "--", "\u2013", "\u2014"))
_LONGEST_SUBJECT = 5


def split_clauses(language: Language, sentence: str) -> list[str]:
    """Return the parts of `sentence`, in order; only the sentence itself when it is one thing.

    A question or request at the end is cut from the statement before it, and a second predicate gets the
    subject of the first: `I'm Bo and work at Acme` gives `I'm Bo` and `I work at Acme`.
    """
    reason = language.patterns.reason_first.match(sentence)
    words = sentence[reason.end() :].split() if reason else sentence.split()
    parts: list[str] = []
    start, subject = 0, ""
    asks = language.words.requesting
    if sentence.endswith(("?", "\uff1f")):
        asks |= language.words.asking
    for place, right, following in _cuts(language, words, asks=asks):
        parts.append(subject + _trim(words[start:place]))
        start, subject = right, following
    if not parts:
        return [sentence]
    return [
        capitalize(strip_closing(language, part), like=sentence) for part in (*parts, subject + " ".join(words[start:]))
    ]


def _cuts(language: Language, words: Sequence[str], *, asks: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Yield where a part ends, where the next begins, and the subject the next one lacks."""
    lowered = [word.rstrip(",;:.!") for word in " ".join(words).lower().replace("\u2019", "'").split()]
    lists = language.words
    embedding, loose, connectors = lists.embedding, lists.loose_connectors, lists.connectors
    start, embedded = 0, False
    for place in range(1, len(words) - 1):
        embedded |= lowered[place] in embedding
        right = _right_half(words, lowered, place, connectors) if place > start else None
        if right is None:
            continue
        if lowered[right] in asks:
            if _tells(language, lowered[start:place]):
                yield place, right, ""
                return
        elif not embedded and lowered[place] not in loose:
            subject = _subject_of_second(language, words, lowered, start, place, right)
            if subject is not None:
                yield place, right, subject
                start = right


def _right_half(words: Sequence[str], lowered: Sequence[str], place: int, connectors: frozenset[str]) -> int | None:
    """Return where a second half would begin if the first ended before `place`."""
    right = place
    while right < len(lowered) - 1 and lowered[right] in connectors:
        right += 1
    if right > place or words[place - 1][-1] in ",;" or words[place - 1] in _DASHES:
        return right
    return None


def _tells(language: Language, left: Sequence[str]) -> bool:
    """Return whether `left` says something of its speaker before something is asked."""
    lists = language.words
    if len(left) < 2 or any(left[0] in words for words in (lists.asking, lists.requesting, lists.conditions)):  # noqa: PLR2004
        return False
    return any(word in lists.speakers or word in lists.owners for word in left[:_LONGEST_SUBJECT])


def _subject_of_second(
    language: Language, words: Sequence[str], lowered: Sequence[str], start: int, place: int, right: int
) -> str | None:
    """Return what to put before the second half (`""` or a subject), or `None` when the two belong together."""
    length = _subject_length(language, lowered[start : start + _LONGEST_SUBJECT])
    if not _is_complete(language, lowered[start : min(place, start + _LONGEST_SUBJECT)]):
        return None
    if lowered[place - 1] in language.words.open_ended:
        return None
    if _is_complete(language, lowered[right : right + _LONGEST_SUBJECT]):
        return ""
    follows = right > place and language.patterns.second_predicate.match(" ".join(words[right : right + 3]))
    if follows and not _governs(language, words[start:place]):
        return " ".join(words[start : start + length]).replace("\u2019", "'").split("'")[0] + " "
    return None


def _is_complete(language: Language, clause: Sequence[str]) -> bool:
    length = _subject_length(language, clause)
    return length > 0 and len(clause) > length - ("'" in clause[0])


def _subject_length(language: Language, clause: Sequence[str]) -> int:
    """Return how many words the subject takes, 0 when the clause does not begin with one of the speaker's."""
    lists = language.words
    if clause[0] in lists.speakers:
        return 0 if len(clause) > 1 and clause[1] in lists.coordinators else 1
    if length := _length_of_user(language, clause):
        return length if len(clause) > length and clause[length] in lists.finite_verbs else 0
    if clause[0] not in lists.owners:
        return 0
    verbs = (place for place, word in enumerate(clause[1:_LONGEST_SUBJECT], 1) if word in lists.finite_verbs)
    return next((place for place in verbs if place > 1), 0)


def _length_of_user(language: Language, clause: Sequence[str]) -> int:
    lists = language.words
    if clause[0] in lists.users:
        return 1
    return 2 if clause[0] in lists.user_determiners and len(clause) > 1 and clause[1] in lists.users else 0


def _governs(language: Language, left: Sequence[str]) -> bool:
    """Return whether the next verb may hang on an infinitive: "I want to move and have a garden"."""
    return any(
        word.lower() in language.words.infinitives and (not following or following[0].islower())
        for word, following in zip(left, [*left[1:], ""], strict=True)
    )


def _trim(words: Sequence[str]) -> str:
    return " ".join(words).rstrip(" ,;\u2013\u2014-")
