"""Properties that have one value at a time, read from a sentence each time anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from holdfast.extraction.rules import values
from holdfast.extraction.rules.english import expanded
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.subjects import SPEAKER, Subject, about


@dataclass(frozen=True, slots=True)
class Slot:
    """One property of one subject, as one sentence states it.

    Attributes:
        subject: Whose property it is.
        property: What it is, such as `"home"`, `"employer"`, `"favourite colour"` or `"opinion of sushi"`.
        value: The value in lower case; empty when the sentence says only that there is none any more.
        ended: Whether the sentence says that this value does not hold, or no longer.
    """

    subject: Subject
    property: str
    value: str
    ended: bool = False


def slots_of(text: str, *, speaker: str | None = None) -> tuple[Slot, ...]:
    """Return the slots that one sentence fills; empty when it states nothing that has one value at a time.

    A sentence about the past, about a wish or about something additional (`I also work at ...`) fills none. What a
    note says of the user (`The user lives in Bonn`, `Lives in Bonn`, `Home: Bonn`) is the speaker's own.

    Args:
        text: The sentence.
        speaker: The name of who says it; what is said of somebody called so is the speaker's own too.
    """
    return _slots_of(text[:_LONGEST_SENTENCE].strip(), speaker)


@lru_cache(maxsize=1024)  # a fact is asked about when it is read, compared and indexed
def _slots_of(text: str, speaker: str | None) -> tuple[Slot, ...]:
    sentence = expanded(text)
    if sentence.islower():
        sentence = _SURE_NAME.sub(lambda found: found[0][:-1] + found[0][-1].upper(), sentence)
    sentence = own_words(sentence, speaker=speaker)
    standing = tuple(_filled(_STANDING, SPEAKER, sentence, ended=False))
    if standing:
        return standing
    ended = bool(NO_LONGER.search(sentence))
    who = about(sentence)
    if who is None or _ADDITION.search(sentence) or (not ended and _PAST_OR_WISH.search(sentence)):
        return ()
    predicate = _ADVERBS.sub("", who.predicate)
    positive = _NEGATION.sub("", predicate, count=1)
    rules = _ATTRIBUTES if who.owned else _PREDICATES
    return tuple(_filled(rules, who.subject, positive, ended=ended or positive != predicate))


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one property is said.

    Attributes:
        property: Its name; `{what}` stands for a group of the pattern, `{value}` for the value itself.
        pattern: The words before the value, matched where the predicate (or the sentence) begins.
        read: From what follows to the value, empty when it cannot be one.
        pole: What counts as the value where the value names the property (`opinion of {value}`).
    """

    property: str
    pattern: re.Pattern[str]
    read: Callable[[str], str]
    pole: str = ""


def _filled(rules: tuple[_Rule, ...], subject: Subject, text: str, *, ended: bool) -> Iterator[Slot]:
    for rule in rules:
        found = rule.pattern.match(text)
        if found is None:
            continue
        value = rule.read(found.groupdict().get("value") or text[found.end() :])
        if not value:
            continue
        groups = {key: part.lower() for key, part in found.groupdict().items() if part}
        name = values.spelled(rule.property.format_map({**groups, "value": value}))
        if not rule.pole:
            yield Slot(
                subject,
                name,
                value if value != values.NOTHING else "",
                ended or rule.property == "left employer",
            )
        elif not ended or rule.pole in _OPPOSITE:
            yield Slot(subject, name, _OPPOSITE[rule.pole] if ended else rule.pole)


_OPPOSITE = {"likes": "dislikes", "yes": "no"}
"""The poles whose denial says something: who does not hate a thing need not like it."""


NO_LONGER = re.compile(
    r"\b(?:no longer|(?:not|never)\b.{0,120}\bany (?:more|longer)|used to)\b|\bno more[.!]?$",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"(?:\b(?:do|does|did) not|\bno longer|(?<!can )\bnot|\bused to)\s+", re.IGNORECASE)
_PAST_OR_WISH = re.compile(
    r"\b(?:ago|back then|back when|at first|originally|formerly|previously|as a (?:child|kid|teenager|boy|girl)"
    r"|when (?:i was|we were)|(?:in|until) (?:\w+ )?(?:19|20)\d\d|until|for a (?:while|few|year|month|week)"
    r"|temporarily|for now|almost|nearly|might|(?-i:may)|could|would|should|will|hope|wants?|wanted|plan|planning"
    r"|going to"
    r"|thinking|considering|pretend|dream|if)\b",
    re.IGNORECASE,
)
_ADDITION = re.compile(
    r"\b(?:also|as well|another|second|other|additionally|besides|part[- ]time|one of|some(?:times| days)"
    r"|too[.!]?$)\b",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"\b(?:now|currently|still|just|really|actually|recently|finally|already|officially|nowadays|presently|simply"
    r"|truly|absolutely|definitely|totally|honestly|permanently|these days|right now|at the moment)\s+",
    re.IGNORECASE,
)
# Where no capitals are used at all, a name is known only by what stands before it.
_SURE_NAME = re.compile(
    r"\b(?:(?:live|lives|living) in|(?:work|works|working) (?:at|for)) "
    r"(?!(?:an?|the|my|our|home|night|nights|hospital)\b)\w"
)
_LONGEST_SENTENCE = 500


def _said(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_BE = r"(?:am|is|are|have been|has been)"
_HAVE = r"(?:(?:have|has) )?"
_ANSWERS = r"(?:answers?|repl(?:y|ies)|responses?|explanations?|messages)"

_STANDING = (
    _Rule("name", _said(r"(?:my|our) (?:full |first |real )?name is "), values.short),
    _Rule("name", _said(r"i am called "), values.proper),
    _Rule("name", re.compile(r"(?i:i am) (?=[A-Z][a-z]+(?: [A-Z][a-z]+)?[.!]*$)"), values.given_name),
    _Rule(
        "nickname",
        _said(r"(?:please )?(?:(?:you can|you may|just|people|everyone|my friends|friends) )*call me "),
        values.short,
    ),
    _Rule("nickname", _said(r"i (?:usually |just )?(?:go by|(?:want|like|prefer) to be called) "), values.short),
    _Rule(
        "favourite {what}",
        _said(r"my (?:new |current |all-time |absolute )*favou?rite (?P<what>[\w' -]{2,40}?) is (?:still |now )*"),
        values.phrase,
    ),
    _Rule(
        "favourite {what}",
        _said(
            r"(?P<value>[^,;:?!]{2,60}?) (?:is|has become|became) my (?:new |current |all-time "
            r"|absolute )*favou?rite (?P<what>[\w' -]{2,40}?)(?: now)?[.!]*$"
        ),
        values.phrase,
    ),
    _Rule(
        "phone number",
        _said(r"my (?:new )?(?:phone|mobile|cell|telephone)(?: phone)?(?: number)? is (?=[+(\d])"),
        values.digits,
    ),
    _Rule("email address", _said(r"my (?:new )?e-?mail(?: address)? is (?=\S{1,100}@)"), values.word),
    _Rule("birthday", _said(r"my birthday is (?:on )?(?:the )?"), values.date),
    _Rule(
        "job",
        _said(r"my (?:new |current )?(?:job|occupation|profession|job title|role|position) is (?:(?:a|an|the) )?"),
        values.role,
    ),
    _Rule("employer", _said(r"my (?:new |current )?(?:employer|company) is "), values.proper),
    _Rule("diet", _said(r"my diet is (?:now )?"), values.diet),
    _Rule(
        "{what}",
        _said(
            r"(?:my|our) (?:new |current )*(?P<what>shoe size|blood type|blood group|time ?zone|native language"
            r"|mother tongue|height|weight|address|star sign|zodiac sign|budget|boss|manager|landlord|doctor|dentist"
            r"|therapist|trainer|car|bike|laptop|gym|bank|university|school|hometown|pronouns|wi-?fi network|team"
            r"|home town|size|clothing size|locker number|customer number|account number) (?:is|are) (?:now )?"
        ),
        values.particular,
    ),
    _Rule(
        "{what} date",
        _said(
            r"(?:my|our|the) (?:new |next |upcoming )*(?P<what>(?:[\w'-]+ ){0,3}?" + values.EVENTS + r"(?: (?:to|in"
            r"|at|with|for|from) (?!on\b)[\w'-]+)?) (?:(?:is|starts|begins|takes place|happens|will be)(?: now)?"
            r"|(?:(?:has been|was|got|is being|is) (?:now )?(?:moved|postponed|rescheduled|pushed|shifted"
            r"|brought forward|set|scheduled|planned))) (?:back )?(?:to|on|for|in|at)? ?(?:the )?"
        ),
        values.date,
    ),
    _Rule(
        "{what} date",
        _said(
            r"(?:i|we) (?:have |had to |had )*(?:moved|postponed|rescheduled|pushed|shifted|move|postpone|reschedule"
            r"|push) (?:my|our|the) (?P<what>(?:[\w'-]+ ){0,3}?" + values.EVENTS + r"(?: (?:in|at|with|for"
            r"|from) [\w'-]+)?) (?:back )?(?:to|until|from .{1,30}? to) (?:the )?"
        ),
        values.date,
    ),
    _Rule(
        "language of replies",
        _said(
            r"(?:please )?(?:always |only |from now on,? (?:please )?)*(?:answer|reply|respond|write|speak"
            r"|talk)(?: to)?(?: me| us)?(?: only| always)? in (?=[A-Z])"
        ),
        values.short,
    ),
    _Rule(
        "length of replies",
        _said(
            r"(?:please )?(?:always |from now on,? (?:please )?)*(?:keep|make) (?:your|the|all your) " + _ANSWERS + " "
        ),
        values.length,
    ),
    _Rule(
        "length of replies",
        _said(r"(?:i|we) (?:(?:would )?(?:prefer|like|want|love)) (?=(?:\w+ ){1,2}" + _ANSWERS + ")"),
        values.length,
    ),
    _Rule(
        "units",
        _said(r"(?:please )?(?:always )?(?:use|prefer|i prefer|i use|stick to) (?:the )?(?=metric|imperial)"),
        values.word,
    ),
)

_PREDICATES = (
    _Rule(
        "home",
        _said(
            r"(?:live|lives|reside|resides|"
            + _BE
            + r" (?:living|based)|have lived|has lived)(?: \w+ly)? in (?:the city of )?"
        ),
        values.place,
    ),
    _Rule(
        "home",
        _said(
            _HAVE + r"(?:moved|relocated) (?:back )?(?:from [^,.]{1,40}? )?(?:back )?(?:here )?to "
            r"(?!.*\b(?:team|department|role|position|as an?)\b)"
        ),
        values.place,
    ),
    _Rule(
        "country",
        _said(
            r"(?:live|lives|reside|resides|"
            + _BE
            + r" (?:living|based)|have lived|has lived|"
            + _HAVE
            + r"(?:moved|relocated))(?: back)? (?:in|to) (?:the )?"
        ),
        values.country,
    ),
    _Rule(
        "employer",
        _said(
            r"(?:work|works|" + _BE + r" (?:working|employed)|have worked|has worked) (?:as .{1,40}? )?(?:at|for|by) "
        ),
        values.proper,
    ),
    _Rule(
        "employer",
        _said(
            _HAVE + r"(?:started (?:working |(?:a|my) (?:new )?(?:job|position|role) )?|"
            r"(?:got|took|landed|accepted) (?:a|the|my) (?:new )?(?:job|position|role) |(?:switched"
            r"|changed) jobs )(?:at|with|to|for) "
        ),
        values.proper,
    ),
    _Rule("left employer", _said(_HAVE + r"(?:left|quit|resigned from) (?!my\b)"), values.proper),
    _Rule("left employer", _said(_HAVE + r"(?:left|quit|lost) (?:my|his|her|their) job\b"), values.nothing),
    _Rule("job", _said(r"(?:work|works|" + _BE + r" working|started) as (?:an?|the) "), values.role),
    _Rule(
        "job",
        _said(
            r"(?:am|is|became|have become|has become|(?:was|got|have been|has been) promoted to"
            r"|am employed as) (?:(?:an?|the) )?"
        ),
        values.occupation,
    ),
    _Rule(
        "diet",
        _said(
            _HAVE + r"(?:am|is|are|became|become|went|gone|go|turned|been|eat|eats|follow|follows|keep|started"
            r"|switched to)(?: on)?(?: being)? (?:an? )?(?:strict |mostly |fully |completely )?"
        ),
        values.diet,
    ),
    _Rule(
        "diet",
        _said(
            _HAVE
            + r"(?:(?:eat|eats|eating|ate|"
            + _BE
            + r" eating|started eating|started to eat|went back to eating) )(?=(?:meat|fish)\b.{0,20}\bagain)"
        ),
        values.diet,
    ),
    _Rule(
        "age",
        _said(
            _HAVE + r"(?:am|is|turned|turn) "
            r"(?=\d{1,3}(?: years? old| now| today| (?:last|this|in|on)\b.*|,.*| and .*)?[.!]*$)"
        ),
        values.age,
    ),
    _Rule("birthday", _said(r"(?:was|were) born on (?:the )?"), values.date),
    _Rule(
        "relationship status",
        _said(_HAVE + r"(?:am|is|got|get|been|became) (?:(?:newly|happily|recently) )?"),
        values.status,
    ),
    _Rule("name", _said(r"(?:is|am) (?:called|named) "), values.proper),
    _Rule(
        "opinion of {value}",
        _said(
            r"(?:love|loves|like|likes|enjoy|enjoys|adore|adores|(?:am|is|are) (?:(?:an?|such a) )?(?:(?:big|huge"
            r"|massive|great) )?(?:fans? of|into|fond of|keen on))(?: to)? "
        ),
        values.thing,
        "likes",
    ),
    _Rule(
        "opinion of {value}",
        _said(
            r"(?:hate|hates|dislike|dislikes|detest|detests|despise|despises|loathe|loathes|can not (?:stand|bear)"
            r"|do not care for)(?: to)? "
        ),
        values.thing,
        "dislikes",
    ),
    _Rule("allergy to {value}", _said(r"(?:am|is|are) (?:\w+ly )?allergic to "), values.thing, "yes"),
    _Rule(
        "choice of {what}",
        _said(
            r"prefer (?:to )?(?P<value>[\w'-]+) (?=(?P<what>meetings|seats|trains|flights|hotels|chocolate|milk|wine"
            r"|coffee|tea|music|films|movies|books|hours|mornings|weather|holidays|appointments|calls)\b)"
        ),
        values.word,
    ),
    _Rule("car", _said(r"(?:drive|drives) (?=an? )"), values.particular),
)

_ATTRIBUTES = (
    _Rule("name", _said(r"name is "), values.proper),
    _Rule("birthday", _said(r"birthday is (?:on )?(?:the )?"), values.date),
    _Rule(
        "favourite {what}",
        _said(r"(?:new |current )?favou?rite (?P<what>[\w' -]{2,40}?) is (?:now )?"),
        values.phrase,
    ),
    _Rule("phone number", _said(r"(?:phone|mobile|cell)(?: number)? is (?=[+(\d])"), values.digits),
    _Rule("email address", _said(r"e-?mail(?: address)? is (?=\S{1,100}@)"), values.word),
    _Rule(
        "{what} date",
        _said(
            r"(?P<what>(?:[\w'-]+ ){0,2}?"
            + values.EVENTS
            + r") (?:is|has been moved|was moved|got moved)(?: now)? (?:to |on |in )?(?:the )?"
        ),
        values.date,
    ),
)
