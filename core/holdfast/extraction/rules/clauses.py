"""Cut a sentence into clauses that can each stand alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from holdfast.extraction.rules.english import vocabulary
from holdfast.extraction.rules.sentences import capitalised, without_filler

_SPEAKER = vocabulary("i we i'm i've i'd i'll we're we've we'd we'll im ive")
_FINITE = vocabulary(
    """
    is are was were has have had lives live works work loves love likes like hates hate plays goes got moved started
    died turned wants needs studies runs teaches prefers speaks became can cannot can't isn't aren't doesn't don't
    won't will would named called owns lost found enjoys broke name's
    """
)
# What a sentence embeds belongs to it: "I think my wife and I ..." is one thought.
_EMBEDDING = vocabulary(
    """
    think hope believe guess feel say said told wish know heard suppose bet mean swear if when whether that because
    although while until unless where which who between both how what why
    """
)
_OPEN_ENDED = vocabulary("and or but with of to for in on at by from my our the a an both you he she they")
_INFINITIVE = vocabulary("to will would can could should might going want let")
# "... and work at Acme": a second predicate of the same subject.
_PREDICATE = re.compile(
    r"(?:lives? (?:in|with|near|at)|works? (?:at|for|as|in|from)|(?:have|has|had|got|bought|adopted) (?:a|an|two"
    r"|three|no)|(?:love|loves|hate|hates|prefer|prefers|enjoy|enjoys|speak|speaks|moved|am|is|was|started|became"
    r"|joined|cannot|can't|don't|doesn't|studied|study|studies) \w)",
    re.IGNORECASE,
)
_REQUESTING = vocabulary("please suggest recommend give tell help write show find explain remind")
_ASKING = _REQUESTING | vocabulary(
    "what what's how how's where where's when who which why can could would will should do does is are any got"
)
_CONNECTORS = vocabulary("and but so or plus")
_DASHES = frozenset(("-", "--", "\u2013", "\u2014"))
_REASON = re.compile(r"(?:since|as|because|given that)\s+(?=(?:i|we|my|our)\b)", re.IGNORECASE)
_LONGEST_SUBJECT = 5


def clauses(sentence: str) -> list[str]:
    """Return the parts of `sentence`, in order; only the sentence itself when it is one thing.

    A question or request at the end is cut from the statement before it, and a second predicate gets the
    subject of the first: `I'm Bo and work at Acme` gives `I'm Bo` and `I work at Acme`.
    """
    reason = _REASON.match(sentence)
    words = sentence[reason.end() :].split() if reason else sentence.split()
    parts: list[str] = []
    start, subject = 0, ""
    for place, right, following in _cuts(words, asks=_ASKING if sentence.endswith(("?", "\uff1f")) else _REQUESTING):
        parts.append(subject + _trimmed(words[start:place]))
        start, subject = right, following
    if not parts:
        return [sentence]
    return [capitalised(without_filler(part), like=sentence) for part in (*parts, subject + " ".join(words[start:]))]


def _cuts(words: Sequence[str], *, asks: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Yield where a part ends, where the next begins, and the subject the next one lacks."""
    lowered = [word.lower().rstrip(",;:.!").replace("\u2019", "'") for word in words]
    start, embedded = 0, False
    for place in range(1, len(words) - 1):
        embedded |= lowered[place] in _EMBEDDING
        right = _right_half(words, lowered, place) if place > start else None
        if right is None:
            continue
        if lowered[right] in asks:
            if _tells(lowered[start:place]):
                yield place, right, ""
                return
        elif not embedded and lowered[place] not in {"so", "or"}:
            subject = _subject_of_second(words, lowered, start, place, right)
            if subject is not None:
                yield place, right, subject
                start = right


def _right_half(words: Sequence[str], lowered: Sequence[str], place: int) -> int | None:
    """Return where a second half would begin if the first ended before `place`."""
    right = place
    while right < len(lowered) - 1 and lowered[right] in _CONNECTORS:
        right += 1
    if right > place or words[place - 1][-1] in ",;" or words[place - 1] in _DASHES:
        return right
    return None


def _tells(left: Sequence[str]) -> bool:
    """Tell whether `left` says something of its speaker before something is asked."""
    if left[0] in _ASKING or left[0] in {"if", "when"} or len(left) < 2:  # noqa: PLR2004
        return False
    return any(word in _SPEAKER or word in {"my", "our"} for word in left[:_LONGEST_SUBJECT])


def _subject_of_second(words: Sequence[str], lowered: Sequence[str], start: int, place: int, right: int) -> str | None:
    """Return what to put before the second half (`""` or a subject), or `None` when the two belong together."""
    length = _subject_length(lowered[start : start + _LONGEST_SUBJECT])
    if not _stands_alone(lowered[start : min(place, start + _LONGEST_SUBJECT)]) or lowered[place - 1] in _OPEN_ENDED:
        return None
    if _stands_alone(lowered[right : right + _LONGEST_SUBJECT]):
        return ""
    if right > place and _PREDICATE.match(" ".join(words[right : right + 3])) and not _governs(words[start:place]):
        return " ".join(words[start : start + length]).replace("\u2019", "'").split("'")[0] + " "
    return None


def _stands_alone(clause: Sequence[str]) -> bool:
    length = _subject_length(clause)
    return length > 0 and len(clause) > length - ("'" in clause[0])


def _subject_length(clause: Sequence[str]) -> int:
    """Return how many words the subject takes, 0 when the clause does not begin with one of the speaker's."""
    if clause[0] in _SPEAKER:
        return 0 if len(clause) > 1 and clause[1] in {"and", "or"} else 1
    if length := _length_of_user(clause):
        return length if len(clause) > length and clause[length] in _FINITE else 0
    if clause[0] not in {"my", "our"}:
        return 0
    verbs = (place for place, word in enumerate(clause[1:_LONGEST_SUBJECT], 1) if word in _FINITE)
    return next((place for place in verbs if place > 1), 0)


def _length_of_user(clause: Sequence[str]) -> int:
    if clause[0] == "user":
        return 1
    return 2 if clause[0] in {"the", "this"} and clause[1:2] == ["user"] else 0


def _governs(left: Sequence[str]) -> bool:
    """Tell whether the next verb may hang on an infinitive: "I want to move and have a garden"."""
    return any(
        word.lower() in _INFINITIVE and (not following or following[0].islower())
        for word, following in zip(left, [*left[1:], ""], strict=True)
    )


def _trimmed(words: Sequence[str]) -> str:
    return " ".join(words).rstrip(" ,;\u2013\u2014-")
