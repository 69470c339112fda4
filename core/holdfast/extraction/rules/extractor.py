"""From a conversation to the statements its speakers make about themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.extraction.facts import Attribution, Fact, Skipped, Turn
from holdfast.extraction.rules.clauses import clauses
from holdfast.extraction.rules.english import WORD, expanded
from holdfast.extraction.rules.notes import in_third_person, own_words
from holdfast.extraction.rules.sentences import LONGEST_SENTENCE, capitalised, cleaned, passages
from holdfast.extraction.rules.slots import slots_of
from holdfast.extraction.rules.subjects import About, names_others, people_in, pronoun_fits
from holdfast.extraction.rules.verdicts import KEPT, explicit, verdict


def extract(turns: Sequence[Turn], *, keep: Collection[str] = ("user",)) -> tuple[list[Fact], list[Skipped]]:
    """Take from a conversation, without a model, what is worth remembering.

    Kept are statements of lasting interest in the speaker's own words: about their life, people, possessions,
    plans, preferences and events, and standing instructions; and notes of such things about the user, as models
    write them (`The user lives in Bonn`, `Ana has two kids`, `Allergic to nuts`, `Birthday: 3 May`). A `he` or `she`
    at the start becomes the one person it can stand for, and a bare correction (`Sorry, I meant Bonn`) puts the
    statement before it right. Questions, requests, greetings, general knowledge, and what is hypothetical, uncertain
    or quoted are left out.

    The rules know English; of other languages every whole sentence that is not a question is kept rather than lost.

    Args:
        turns: The conversation in order. Turns of other roles than `keep` give nothing.
        keep: Roles whose statements count. The `"assistant"`'s are what it says of itself and what it promises.

    Returns:
        The facts in order, and what was left out of the kept turns. The reasons are `"question"`, `"request"`,
        `"greeting"`, `"acknowledgement"`, `"general knowledge"`, `"impersonal"` (about nobody known), `"passing"` (a
        momentary state), `"hypothetical"`, `"uncertain"`, `"quoted"` (code and pastes too), `"fragment"` (under two
        words), `"too long"` (over 1000 characters without a stop), `"duplicate"`, `"corrected"` and `"offer"`.
    """
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    listeners: dict[tuple[str, str | None], _Listener] = {}
    for index, turn in enumerate(turns):
        if turn.role not in keep:
            continue
        listener = listeners.setdefault(
            (turn.role, turn.name), _Listener(turn.name, assistant=turn.role == "assistant")
        )
        attributed_to: Attribution = "assistant" if turn.role == "assistant" else "user"
        for text, reason in listener.hear(turn.content):
            if reason == KEPT:
                facts.append(Fact(text, index, attributed_to))
                continue
            skipped.append(Skipped(reason, text))
            if reason == _CORRECTED:
                del facts[_place_of(text, facts, turns, turn)]
    return facts, skipped


def _place_of(text: str, facts: Sequence[Fact], turns: Sequence[Turn], turn: Turn) -> int:
    """Return where the last fact with `text` by the speaker of `turn` stands."""
    for place in reversed(range(len(facts))):
        told = turns[facts[place].turn or 0]
        if facts[place].text == text and (told.role, told.name) == (turn.role, turn.name):
            return place
    raise LookupError(text)


_CORRECTED = "corrected"
# "Proofread this: I am writing to apply ...": what follows is not about its speaker.
_WORK_ON_TEXT = re.compile(
    r"\b(?:translate|summari[sz]e|proofread|rewrite|rephrase|paraphrase|edit|correct|fix|improve|review|shorten"
    r"|polish|analy[sz]e|classify|check)\b.{0,60}(?:\b(?:this|these|following|below)\b|:$)",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"(?:i meant|make that|correction:?)(?: to say)? (?P<value>[^,.;:!?]{1,60}?)(?:,? (?:not"
    r"|instead of) [^.!?]{1,60})?[.!]*$",
    re.IGNORECASE,
)
_NAMING = re.compile(
    r"(?:\b(?:named|called|name is|names are|name's)|\b(?:my|our)(?: \w+){1,2}),? ([A-Z][\w-]{1,30})(?![\w'])"
)
_MONTH = "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b",
        r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
        rf"\b{_MONTH}\b",
        r"\b\d+(?:[.:]\d+)?\b",
    )
)
_PRONOUN = re.compile(r"(?P<pronoun>he|she)(?P<verb>'s|'ll)?(?=\s)", re.IGNORECASE)
_USERS_PRONOUN = re.compile(r"(?:(?P<they>they)|he|she|(?P<own>their|his|her)) ", re.IGNORECASE)
_PERFECT = re.compile(r"\s(?:got|been|had|moved|started|worked|lived|become|gone|bought|found)\b")


@dataclass(slots=True)
class _Listener:
    """Hears the turns of one speaker one after the other, and remembers who was spoken of.

    Attributes:
        people: Those whom the last sentence with somebody of the speaker's in it tells of.
        of_user: Whether the last sentence is a note about the user and nobody else.
    """

    name: str | None
    assistant: bool
    names: set[str] = field(default_factory=set)
    people: list[About] = field(default_factory=list)
    last: str = ""
    heard: set[str] = field(default_factory=set)
    of_user: bool = False

    def hear(self, content: str) -> Iterator[tuple[str, str]]:
        """Yield each sentence or clause of a turn with the verdict on it."""
        pasted = False
        for passage in passages(content):
            if passage.quoted or pasted:
                yield passage.text, "quoted"
                continue
            for text, reason in self._judged(passage.text):
                pasted = pasted or (reason in {"request", "question"} and bool(_WORK_ON_TEXT.search(text)))
                yield text, reason

    def _judged(self, sentence: str) -> Iterator[tuple[str, str]]:
        if len(sentence) > LONGEST_SENTENCE:
            yield sentence, "too long"
            return
        rest, opener = cleaned(sentence)
        if not rest:
            yield sentence, opener or "fragment"
        elif told := explicit(rest):
            yield self._kept(told)
        else:
            for clause in clauses(rest):
                yield from self._weighed(clause)

    def _weighed(self, clause: str) -> Iterator[tuple[str, str]]:
        if corrected := self._corrected(clause):
            yield self.last, _CORRECTED
            self.heard.discard(_key(self.last))
            self.last = ""
            yield self._kept(corrected)
            return
        text = self._resolved(clause)
        reason = verdict(
            text, names=self.names, speaker=self.name, assistant=self.assistant, nobody_known=not self.people
        )
        self.of_user = False
        yield self._kept(text) if reason == KEPT else (text, reason)

    def _kept(self, text: str) -> tuple[str, str]:
        if _key(text) in self.heard:
            return text, "duplicate"
        self.heard.add(_key(text))
        self.last = text
        plain = expanded(text)
        told = own_words(plain, speaker=self.name)
        self.of_user = told != plain and not names_others(told)
        self.people = people_in(told) or self.people
        self.names.update(name.lower() for name in _NAMING.findall(told))
        return text, KEPT

    def _corrected(self, clause: str) -> str:
        """Return the last fact put right, when `clause` is a bare correction of it (`I meant Bonn`)."""
        found = _CORRECTION.match(clause) if self.last else None
        if found is None:
            return ""
        value = found["value"]
        stated = (slot.value for slot in slots_of(self.last, speaker=self.name) if slot.value)
        wrong = next(stated, "") or _like(value, self.last)
        place = self.last.lower().rfind(wrong) if wrong else -1
        return self.last[:place] + value + self.last[place + len(wrong) :] if place >= 0 else ""

    def _resolved(self, clause: str) -> str:
        """Return `clause` with a leading `he` or `she` replaced by whom it stands for, where that is plain."""
        if self.of_user:
            return _said_of_user(clause)
        found = _PRONOUN.match(clause)
        if found is None:
            return clause
        fitting = [one for one in self.people if pronoun_fits(one.subject, found["pronoun"].lower())]
        # Of several people in one sentence, none can be chosen.
        if len(fitting) != 1:
            return clause
        verb = {None: "", "'ll": " will", "'s": " has" if _PERFECT.match(clause, found.end()) else " is"}[found["verb"]]
        return capitalised(fitting[0].phrase, like=clause) + verb + clause[found.end() :]


def _said_of_user(clause: str) -> str:
    """Return `clause` with a leading pronoun replaced by `the user`, of whom alone the sentence before it tells."""
    plain = expanded(clause)
    found = _USERS_PRONOUN.match(plain)
    if found is None:
        return clause
    said = plain[found.end() :]
    if found["own"]:
        return capitalised(f"the user's {said}", like=clause)
    if found["they"]:
        said = in_third_person(said)
        # "The user likes roses. They are red.": not every "they" is a person.
        if own_words(said) == said:
            return clause
    return capitalised(f"the user {said}", like=clause)


def _key(text: str) -> str:
    return " ".join(WORD.findall(text.lower())) or text


def _like(value: str, text: str) -> str:
    """Return the one part of `text` that has the shape of `value`: a day of a month, a weekday, a number."""
    for shape in _SHAPES:
        if shape.fullmatch(value.lower()):
            parts = shape.findall(text.lower())
            return str(parts[0]) if len(parts) == 1 else ""
    return ""
