"""Compare one fact with what is known, and decide: add, update, delete or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from holdfast.extraction.facts import Decision, Fact, KnownMemory
from holdfast.extraction.rules.english import WORD, content, expanded, root, vocabulary
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.sentences import LONGEST_SENTENCE
from holdfast.extraction.rules.slots import NO_LONGER, Slot, slots_of
from holdfast.extraction.rules.subjects import Subject, about


def reconcile(fact: Fact, known: Sequence[KnownMemory], *, index: int = 0, speaker: str | None = None) -> Decision:
    """Decide what becomes of `fact`, given what is known of the same speaker.

    One that says nothing new is left out; one that contradicts a known memory, ends it or says the same
    in more
    detail takes its place; everything else is added. In doubt it is added: to keep two is better than
    to lose one.
    Something that has ended updates the memory it ends rather than deleting it, for that it ended is
    worth knowing.

    Args:
        fact: The new fact.
        known: The candidates, all from the same speaker (`I` means somebody else in another's mouth).
        index: What the decision calls the fact.
        speaker: The speaker's name, by which notes may call them (`Ana lives in Bonn`).

    Returns:
        ADD, UPDATE, NONE with reason `"duplicate"`, or, for a fact such as `Forget that ...`, DELETE or
        NONE with
        reason `"unknown"`.
    """
    if forgotten := _FORGET.match(fact.text):
        return _forget(fact.text[forgotten.end() :], known, index)
    bearings = [
        (_bearing(fact.text, memory.text, speaker), memory.similarity, -place) for place, memory in enumerate(known)
    ]
    bearing, _, place = max(bearings, default=(_Bearing.NONE, 0.0, 0))
    if bearing is _Bearing.NONE:
        return Decision("ADD", index, text=fact.text)
    if bearing is _Bearing.REPEATS:
        return Decision("NONE", index, known=-place, reason="duplicate")
    return Decision("UPDATE", index, known=-place, text=fact.text)


class _Bearing(IntEnum):
    """What a new sentence does to a known one; of several, the greatest counts."""

    NONE = 0
    DETAILS = 1
    CHANGES = 2
    REPEATS = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the comparison needs of a sentence.

    Attributes:
        wording: Its words without fillers and times, in one spelling.
        claim: What its first clause says, without times and counts.
        denied: Whether there is a "not" in it.
        past: Whether it tells of something over and done.
        lists: Whether it joins several things.
    """

    words: tuple[str, ...]
    wording: tuple[str, ...]
    times: frozenset[str]
    content: frozenset[str]
    claim: frozenset[str]
    subject: Subject | None
    slots: tuple[Slot, ...]
    denied: bool
    ended: bool
    past: bool
    lists: bool


_FORGET = re.compile(
    r"(?:please )?(?:forget|delete|erase|do not remember|don't remember) (?:that |what i (?:said|told you) about "
    r"|everything about )?",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:]\s|\s-+\s|\s(?:because|since|so)\s")
_ENDINGS = re.compile(
    r"\b(?:stopped|quit|gave up|given up|giving up|cancell?ed|called off|am done with|are done with)\b",
    re.IGNORECASE,
)
_PLANNED = vocabulary("booked planned scheduled signed decided used started")
_IRREGULAR_PAST = vocabulary("was were went had did saw ran took got made met came gave flew bought ate won lost spent")
_FILLERS = vocabulary(
    """
    a an the really very quite so just also too now currently still actually already even that this do does did
    totally absolutely definitely then well
    """
)
_SAME_FORM = {
     "am": "be", "is": "be", "are": "be", "has": "have", "we": "i", "our": "my", "us": "me", "mom": "mother", "mum":
    "mother",
    "dad": "father", "favorite": "favourite", "color": "colour",
}  # fmt: skip
_NEGATIONS = vocabulary("not never no more longer any again")
_DENIALS = vocabulary("not never no nobody nothing")
_TIMES = vocabulary(
    """
    last next today tomorrow yesterday ago week month year day weekend morning evening night afternoon every often
    usually sometimes daily weekly always regularly monday tuesday wednesday thursday friday saturday sunday january
    february march april june july august september october november december summer winter spring autumn
    """
)
_DAYS = vocabulary(
    "monday tuesday wednesday thursday friday saturday sunday morning afternoon evening night weekend weekly daily"
)
_COUNTS = vocabulary("one two three four five six seven eight nine ten few couple")
# Words that carry a property rather than say something more about it.
_CARRIERS = frozenset(
    root(word)
    for word in [
        "live",
        "moved",
        "move",
        "relocated",
        "living",
        "based",
        "back",
        "home",
        "city",
        "town",
        "work",
        "working",
        "job",
        "employed",
        "started",
        "start",
        "got",
        "new",
        "position",
        "role",
        "switched",
        "changed",
        "name",
        "called",
        "call",
        "named",
        "go",
        "became",
        "become",
        "turned",
        "went",
        "diet",
        "years",
        "old",
        "year",
        "birthday",
        "born",
        "favourite",
        "favorite",
        "love",
        "like",
        "enjoy",
        "adore",
        "hate",
        "dislike",
        "fan",
        "big",
        "huge",
        "fond",
        "keen",
        "into",
        "stand",
        "allergic",
        "allergy",
        "prefer",
        "married",
        "please",
        "always",
        "answer",
        "reply",
        "respond",
        "write",
        "speak",
        "answers",
        "replies",
        "keep",
        "make",
        "use",
        "date",
        "moved",
        "rescheduled",
        "postponed",
        "pushed",
        "set",
        "scheduled",
        "now",
        "not",
        "no",
        "longer",
        "any",
        "more",
        "never",
        "used",
        "promoted",
        "drive",
        "left",
        "quit",
        "not",
        "correction",
    ]
)
_CONNECTING = vocabulary(
    """
    with in at on since because and who named called for every from near by to after before while which whose where
    until when so though but especially mostly together last next this through during about around as of
    """
)


@lru_cache(maxsize=4096)
def _read(text: str, speaker: str | None = None) -> _Reading:
    sentence = own_words(expanded(text), speaker=speaker)
    words = tuple(word.lower() for word in WORD.findall(sentence))
    who = about(sentence)
    verb = next(iter(WORD.findall(who.predicate.lower())), "") if who else ""
    return _Reading(
        words=words,
        wording=tuple(
            _SAME_FORM.get(word, root(word)) for word in words if word not in _FILLERS and word not in _TIMES
        ),
        times=frozenset(word if word in _TIMES else word.removesuffix("s") for word in words) & _TIMES,
        content=frozenset(content(sentence)),
        claim=frozenset(content(_CLAUSE_END.split(sentence, maxsplit=1)[0])) - _ENDING_ROOTS - _TIMES - _COUNTS,
        subject=who.subject if who else None,
        slots=slots_of(text, speaker=speaker),
        denied=not _DENIALS.isdisjoint(words) or bool(NO_LONGER.search(sentence)),
        ended=bool(NO_LONGER.search(sentence) or _ENDINGS.search(sentence)),
        past=(verb.endswith("ed") or verb in _IRREGULAR_PAST) and verb not in _PLANNED,
        lists="and" in words or "or" in words,
    )


def _bearing(new_text: str, old_text: str, speaker: str | None) -> _Bearing:
    if new_text == old_text:
        return _Bearing.REPEATS
    if max(len(new_text), len(old_text)) > LONGEST_SENTENCE:
        return _Bearing.NONE
    new, old = _read(new_text, speaker), _read(old_text, speaker)
    return max(_by_slots(new, old), _by_wording(new, old))


def _by_slots(new: _Reading, old: _Reading) -> _Bearing:
    bearing = _Bearing.NONE
    for mine in new.slots:
        for theirs in old.slots:
            if mine.property == theirs.property and mine.subject.is_surely(theirs.subject):
                bearing = max(bearing, _by_values(mine, theirs, new, old))
    return bearing


def _by_values(mine: Slot, theirs: Slot, new: _Reading, old: _Reading) -> _Bearing:
    same = mine.value == theirs.value
    if mine.ended and not theirs.ended:
        return _Bearing.CHANGES if same or not mine.value else _Bearing.NONE
    if theirs.ended and not mine.ended:
        return _Bearing.CHANGES if same else _Bearing.NONE
    if same:
        return _by_detail(new, old, mine)
    if mine.ended or (mine.property == "job" and _within(mine.value, theirs.value)):
        return _Bearing.NONE if mine.ended else _Bearing.REPEATS
    return _Bearing.CHANGES


def _within(value: str, longer: str) -> bool:
    return set(value.split()) < set(longer.split())


def _by_detail(new: _Reading, old: _Reading, slot: Slot) -> _Bearing:
    """Weigh two sentences with the same value: each may say more besides."""
    said = _CARRIERS | {
        root(word) for word in WORD.findall(f"{slot.property} {slot.value} {slot.subject.name} {slot.subject.relation}")
    }
    more, less = new.content - said, old.content - said
    if more <= less:
        return _Bearing.REPEATS
    return _Bearing.DETAILS if less < more else _Bearing.NONE


def _by_wording(new: _Reading, old: _Reading) -> _Bearing:
    if new.wording == old.wording and new.times == old.times:
        return _Bearing.REPEATS
    if _contradicts(new, old) or _ends(new, old):
        return _Bearing.CHANGES
    if _adds_to(new, old):
        return _Bearing.DETAILS
    return _Bearing.REPEATS if _adds_to(old, new) else _Bearing.NONE


def _contradicts(new: _Reading, old: _Reading) -> bool:
    """Tell whether both say the same but for a "not"."""
    if new.denied == old.denied or _bare(new) != _bare(old) or not _bare(new):
        return False
    denial = new if new.denied else old
    return new.times == old.times or not denial.times


def _bare(reading: _Reading) -> tuple[str, ...]:
    return tuple(word for word in reading.wording if word not in _NEGATIONS)


_ENDING_ROOTS = frozenset(
    root(word)
    for word in [
        "no",
        "not",
        "never",
        "longer",
        "more",
        "any",
        "used",
        "stopped",
        "quit",
        "gave",
        "given",
        "giving",
        "up",
        "cancelled",
        "canceled",
        "called",
        "off",
        "done",
    ]
)


def _ends(new: _Reading, old: _Reading) -> bool:
    """Tell whether `new` says that what `old` tells has stopped."""
    if not new.ended or old.ended or old.denied or old.past or new.subject is None or old.subject is None:
        return False
    if new.times & _DAYS and new.times & _DAYS != old.times & _DAYS:
        return False
    if not new.subject.is_surely(old.subject) or not new.claim <= old.content:
        return False
    return new.claim == old.content - _TIMES - _COUNTS or (len(new.claim) > 1 and not old.lists)


def _adds_to(longer: _Reading, shorter: _Reading) -> bool:
    """Tell whether `longer` is `shorter` word for word, with a name put in or something said after it."""
    length = len(shorter.words)
    if len(longer.words) <= length or length < 3:  # noqa: PLR2004
        return False
    if longer.words[:length] == shorter.words:
        return longer.words[length] in _CONNECTING and not longer.ended
    name = longer.subject.name if longer.subject else ""
    return bool(name) and tuple(word for word in longer.words if word != name) == shorter.words


def _forget(what: str, known: Sequence[KnownMemory], index: int) -> Decision:
    """Delete the one memory that is meant; when none or several could be, nothing."""
    asked = frozenset(content(what))
    meant = [
        place
        for place, memory in enumerate(known)
        if asked and len(memory.text) <= LONGEST_SENTENCE and asked <= _read(memory.text).content
    ]
    if len(meant) != 1:
        return Decision("NONE", index, reason="unknown")
    return Decision("DELETE", index, known=meant[0])
