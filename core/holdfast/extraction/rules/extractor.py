"""From a conversation to the statements its speakers make about themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.extraction.facts import Attribution, Fact, Skipped, Turn
from holdfast.extraction.rules.attributes import Attribute, read_attributes
from holdfast.extraction.rules.clauses import split_clauses
from holdfast.extraction.rules.language import Language, load_language
from holdfast.extraction.rules.notes import in_third_person, own_words
from holdfast.extraction.rules.people import About, names_others, people_in, pronoun_fits
from holdfast.extraction.rules.profile import profile_rule
from holdfast.extraction.rules.sentences import LONGEST_SENTENCE, capitalize, passages, strip_openers
from holdfast.extraction.rules.verdicts import KEPT, Verdict, judge, remembered_part
from holdfast.extraction.rules.words import repetition_key, write_out


def extract(
    turns: Sequence[Turn], *, keep: Collection[str] = ("user",), language: str = "english"
) -> tuple[list[Fact], list[Skipped]]:
    """Take from a conversation, without a model, what is worth remembering.

    Kept are statements of lasting interest in the speaker's own words: about their life, people, possessions,
    plans, preferences and events, and standing instructions; and notes of such things about the user, as models
    write them (`The user lives in Bonn`, `Ana has two kids`, `Allergic to nuts`, `Birthday: 3 May`). A `he` or `she`
    at the start becomes the one person it can stand for, and a bare correction (`Sorry, I meant Bonn`) puts the
    statement before it right. Questions, requests, greetings, general knowledge, and what is hypothetical, uncertain
    or quoted are left out.

    Args:
        turns: The conversation in order. Turns of other roles than `keep` give nothing.
        keep: Roles whose statements count. The `"assistant"`'s are what it says of itself and what it promises.
        language: The language of the rules. Of other languages every whole sentence that is not a question is kept
            rather than lost.

    Returns:
        The facts in order, and what was left out of the kept turns. The reasons are `"question"`, `"request"`,
        `"greeting"`, `"acknowledgement"`, `"general knowledge"`, `"impersonal"` (about nobody known), `"passing"` (a
        momentary state), `"hypothetical"`, `"uncertain"`, `"quoted"` (code and pastes too), `"fragment"` (under two
        words), `"heartbeat"`, `"heading"`, `"log"`, `"stack trace"`, `"table"`, `"template"` (with a placeholder that
        nobody has filled in), `"too long"` (over 1000 characters without a stop), `"duplicate"`, `"corrected"` and
        `"offer"`; `Skipped.rule` names the rule that decided, where one did.

    Raises:
        LookupError: There are no rules for the language.

    >>> facts, skipped = extract([Turn("user", "Hi! I moved to Bonn last week. What's the weather like?")])
    >>> [fact.text for fact in facts]
    ['I moved to Bonn last week.']
    >>> [(one.reason, one.rule) for one in skipped]
    [('greeting', 'opener: hello'), ('question', '')]
    """
    rules = load_language(language)
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    listeners: dict[tuple[str, str | None], _Listener] = {}
    for index, turn in enumerate(turns):
        if turn.role not in keep:
            continue
        attributed_to: Attribution = "assistant" if turn.role == "assistant" else "user"
        speaker = (turn.role, turn.name)
        if speaker not in listeners:
            listeners[speaker] = _Listener(rules, turn.name, assistant=turn.role == "assistant")
        for text, verdict in listeners[speaker].hear(turn.content):
            if verdict.reason == KEPT:
                facts.append(Fact(text, index, attributed_to))
                continue
            repeats = listeners[speaker].heard.get(repetition_key(text), "") if verdict.reason == _DUPLICATE else ""
            skipped.append(Skipped(verdict.reason, text, rule=verdict.rule, repeats=repeats))
            if verdict.reason == _CORRECTED:
                del facts[_place_of(text, facts, turns, turn)]
    return facts, skipped


@dataclass(frozen=True, slots=True)
class SentenceExplanation:
    """Why the rules treat one sentence as they do.

    Attributes:
        text: The sentence without its openers.
        reason: Why it is not worth remembering, empty when it is.
        rule: The rule that decided, empty when none did.
        attributes: What it states.
        profile: The rule that makes it a profile fact, empty when none does.
    """

    text: str
    reason: str
    rule: str
    attributes: tuple[Attribute, ...]
    profile: str


def explain(text: str, *, speaker: str | None = None, language: str = "english") -> SentenceExplanation:
    """Return what the rules make of one sentence, and which of them decide.

    Args:
        text: One sentence.
        speaker: The name of who says it.
        language: The language of the rules.

    Raises:
        LookupError: There are no rules for the language.

    >>> explain("I joined Bosch last week.").attributes[0].rule
    'employer: joined'
    >>> explain("Could you help me").rule
    'question: verb before you or I'
    """
    rules = load_language(language)
    rest, opener = strip_openers(rules, text)
    if not rest:
        return SentenceExplanation(
            text, *(("fragment", "") if opener is None else (opener.outcome, opener.name)), (), ""
        )
    verdict = judge(rules, rest, speaker=speaker)
    profile = profile_rule(rules, rest, speaker=speaker)
    stated = read_attributes(rules, rest, speaker)
    return SentenceExplanation(rest, verdict.reason, verdict.rule, stated, profile.name if profile else "")


def _place_of(text: str, facts: Sequence[Fact], turns: Sequence[Turn], turn: Turn) -> int:
    """Return the place of the last fact with `text` by the speaker of `turn`."""
    for place in reversed(range(len(facts))):
        source = turns[facts[place].turn or 0]
        if facts[place].text == text and (source.role, source.name) == (turn.role, turn.name):
            return place
    raise LookupError(text)


_CORRECTED = "corrected"
_DUPLICATE = "duplicate"


@dataclass(slots=True)
class _Listener:
    """Hears the turns of one speaker one after the other, and remembers who was spoken of.

    Attributes:
        people: The people that the last sentence with somebody of the speaker's in it is about.
        heard: What was kept, by its words.
        of_user: Whether the last sentence is a note about the user and nobody else.
    """

    language: Language
    name: str | None
    assistant: bool
    names: set[str] = field(default_factory=set)
    people: list[About] = field(default_factory=list)
    last: str = ""
    heard: dict[str, str] = field(default_factory=dict)
    of_user: bool = False

    def hear(self, content: str) -> Iterator[tuple[str, Verdict]]:
        """Yield each sentence or clause of a turn with the verdict on it."""
        pasted = False
        for passage in passages(self.language, content):
            if passage.kind or pasted:
                yield passage.text, Verdict(passage.kind or "quoted")
                continue
            for text, verdict in self._judge_sentence(passage.text):
                asked = verdict.reason in {"request", "question"}
                # "Proofread this: I am writing to apply ...": what follows is not about its speaker.
                pasted = pasted or (asked and bool(self.language.patterns.work_on_text.search(text)))
                yield text, verdict

    def _judge_sentence(self, sentence: str) -> Iterator[tuple[str, Verdict]]:
        if len(sentence) > LONGEST_SENTENCE:
            yield sentence, Verdict("too long")
            return
        rest, opener = strip_openers(self.language, sentence)
        if not rest:
            yield sentence, Verdict("fragment") if opener is None else Verdict(opener.outcome, opener.name)
        elif remembered := remembered_part(self.language, rest):
            yield self._keep(remembered)
        else:
            for clause in split_clauses(self.language, rest):
                yield from self._judge_clause(clause)

    def _judge_clause(self, clause: str) -> Iterator[tuple[str, Verdict]]:
        if corrected := self._correct(clause):
            yield self.last, Verdict(_CORRECTED)
            self.heard.pop(repetition_key(self.last), None)
            self.last = ""
            yield self._keep(corrected)
            return
        text = self._resolve(clause)
        verdict = judge(
            self.language,
            text,
            names=self.names,
            speaker=self.name,
            assistant=self.assistant,
            nobody_known=not self.people,
        )
        self.of_user = False
        yield self._keep(text) if verdict.reason == KEPT else (text, verdict)

    def _keep(self, text: str) -> tuple[str, Verdict]:
        key = repetition_key(text)
        if key in self.heard:
            return text, Verdict(_DUPLICATE)
        self.heard[key] = text
        self.last = text
        plain = write_out(self.language, text)
        said = own_words(self.language, plain, speaker=self.name)
        self.of_user = said != plain and not names_others(self.language, said)
        self.people = people_in(self.language, said) or self.people
        self.names.update(name.lower() for name in self.language.patterns.naming.findall(said))
        return text, Verdict(KEPT)

    def _correct(self, clause: str) -> str:
        """Return the last fact put right, when `clause` is a bare correction of it (`I meant Bonn`)."""
        found = self.language.patterns.correction.match(clause) if self.last else None
        if found is None:
            return ""
        value = found["value"]
        stated = (one.value for one in read_attributes(self.language, self.last, self.name) if one.value)
        wrong = next(stated, "") or _part_like(self.language, value, self.last)
        place = self.last.lower().rfind(wrong) if wrong else -1
        return self.last[:place] + value + self.last[place + len(wrong) :] if place >= 0 else ""

    def _resolve(self, clause: str) -> str:
        """Return `clause` with a leading `he` or `she` replaced by the one it stands for, where that is plain."""
        if self.of_user:
            return _name_user(self.language, clause)
        found = self.language.patterns.pronoun.match(clause)
        if found is None:
            return clause
        fitting = [one for one in self.people if pronoun_fits(self.language, one.subject, found["pronoun"].lower())]
        # Of several people in one sentence, none can be chosen.
        if len(fitting) != 1:
            return clause
        rest = clause[found.end() :]
        if found["verb"]:
            # "She's moved": the next word shows what the contraction stands for.
            following = rest.split(maxsplit=1)[:1]
            verb = write_out(self.language, " ".join((found[0], *following))).split()[1]
            rest = f" {verb}{rest}"
        return capitalize(fitting[0].phrase, like=clause) + rest


def _name_user(language: Language, clause: str) -> str:
    """Return `clause` with a leading pronoun replaced by `the user`, the only one the sentence before it is about."""
    plain = write_out(language, clause)
    found = language.patterns.users_pronoun.match(plain)
    if found is None:
        return clause
    said = plain[found.end() :]
    if found["own"]:
        return capitalize(f"{language.forms.note_words['the_users']} {said}", like=clause)
    if found["they"]:
        said = in_third_person(language, said)
        # "The user likes roses. They are red.": not every "they" is a person.
        if own_words(language, said) == said:
            return clause
    return capitalize(f"{language.forms.note_words['the_user']} {said}", like=clause)


def _part_like(language: Language, value: str, text: str) -> str:
    """Return the one part of `text` that has the shape of `value`: a day of a month, a weekday, a number."""
    for shape in language.tables.shape:
        if shape.compiled.fullmatch(value):
            parts = shape.compiled.findall(text.lower())
            return str(parts[0]) if len(parts) == 1 else ""
    return ""
