"""Notes about the user, as models write them, read in the user's own words.

Where a speaker says "I live in Bonn", a model that takes notes writes "The user lives in Bonn", "Lives in Bonn" or
"Home: Bonn". Read as the speaker would say it, one set of rules understands them all.
"""

from __future__ import annotations

import re

from holdfast.extraction.rules import values
from holdfast.extraction.rules.english import first_person, third_person, vocabulary
from holdfast.extraction.rules.subjects import ADVERBIAL


def own_words(text: str, *, speaker: str | None = None) -> str:
    """Return what a note about the user says as the user would say it; any other text as it is.

    It is a reading to judge and compare by, not a text to show: `The user lost his keys` gives `I lost my keys`, and
    `Hobbies: chess` gives `My hobbies is chess`.

    Args:
        text: One sentence, its contractions written out.
        speaker: The name of who says it: of themselves, when they speak of somebody called so.
    """
    if text.startswith(_OWN_VOICE):
        return text
    noted = _named_user(text, speaker) if speaker else text
    return _labelled(noted) or _of_user(noted) or _verb_first(noted) or text


def in_third_person(predicate: str) -> str:
    """Return what "they" do (`also have two kids`) as what "the user" does (`also has two kids`)."""
    start = _length_of_lead(predicate)
    verb, blank, rest = predicate[start:].partition(" ")
    return predicate[:start] + third_person(verb) + blank + rest


def is_personal(predicate: str) -> bool:
    """Tell whether what is said of he, she or a name (`lives in Bonn`) can be said of a person only."""
    if _PERSONAL.match(predicate):
        return True
    calling = _CALLING.match(predicate)
    return bool(calling and values.occupation(predicate[calling.end() :]))


def _named_user(text: str, speaker: str) -> str:
    for name in (speaker, *speaker.split()[:1]):
        if text.startswith((name + " ", name + "'s ")):
            return "The user" + text[len(name) :]
    return text


def _of_user(text: str) -> str:
    """Read `The user ...` and `The user's ...`, empty when `text` does not begin so."""
    adverbial = ADVERBIAL.match(text)
    lead = adverbial[0] if adverbial else ""
    found = _USER.match(text, len(lead))
    if found is None:
        return ""
    rest = text[found.end() :]
    if found["own"]:
        return _owned(lead, rest)
    if found["pair"]:
        return f"{lead}We {_mine(rest)}"
    return _reported(lead, rest) or (lead + _in_first_person(rest) if _begins_with_verb(rest) else _verb_first(rest))


def _owned(lead: str, rest: str) -> str:
    """Read what follows `the user's`, which may stand for `the user is`."""
    if _BEEN.match(rest):
        return f"{lead}I have {rest}"
    if _IS.match(rest):
        return f"{lead}I am {rest}"
    return "" if _DEVICE.match(rest) else f"{lead}My {rest}"


def _reported(lead: str, rest: str) -> str:
    """Read what follows `the user` in `The user said that she lives in Bonn`, empty when nothing is reported."""
    if quoted := _QUOTED.match(rest):
        return quoted["said"]
    found = _REPORTED.match(rest)
    if found is None:
        return ""
    said = rest[found.end() :]
    return f"{lead}My {said}" if found["whose"] else lead + _in_first_person(said)


def _begins_with_verb(text: str) -> bool:
    """Tell "user likes" from "user stories", and "the user needs" from "the user needs are"."""
    found = _FIRST_WORD.match(text, _length_of_lead(text))
    word = found["word"].lower() if found else ""
    inflected = word.endswith(("s", "ed")) and not word.endswith("ss") and word not in _USERS_THINGS
    return inflected or word in _VERBS


def _labelled(text: str) -> str:
    """Read `Birthday: 3 May`, empty when `text` is nothing like it."""
    found = _LABEL.match(text)
    if found is None or _UNKNOWN.fullmatch(found["value"]):
        return ""
    label = found["label"].lower()
    if label not in _LABELS and not label.startswith(("favourite ", "favorite ")):
        return ""
    # "name: build" is the line of a file.
    if label.endswith("name") and not found["value"][0].isupper():
        return ""
    return f"{_OPENINGS.get(label, f'My {label} is')} {found['value']}"


def _verb_first(text: str) -> str:
    """Read `Lives in Bonn` and `Allergic to nuts`, empty when `text` may be something else."""
    predicate = text[_length_of_lead(text) :]
    if not _NOUN_FIRST.match(predicate):
        if is_personal(predicate) or _NOTED.match(predicate):
            return _in_first_person(text[:1].lower() + text[1:])
        if _STATE.match(predicate):
            return f"I am {text[:1].lower()}{text[1:]}"
    return ""


def _in_first_person(predicate: str) -> str:
    start = _length_of_lead(predicate)
    verb, blank, rest = predicate[start:].partition(" ")
    return f"I {predicate[:start]}{first_person(verb)}{blank}{_mine(rest)}"


def _length_of_lead(predicate: str) -> int:
    lead = _LEAD.match(predicate)
    return lead.end() if lead else 0


def _mine(rest: str) -> str:
    """Return `rest` with the user's `their` as `my`: what stands before anybody else is named."""
    return _THEIR.sub(r"\g<before>my", rest, count=1)


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OWN_VOICE = ("I ", "My ", "We ", "Our ", "i ", "my ", "we ", "our ")
_LEAD = _any_case(
    r"(?:(?:also|still|now|currently|usually|often|always|never|recently|really|just|only|sometimes|mostly|strongly"
    r"|generally|no longer|previously|formerly|regularly|absolutely|particularly|especially|finally|occasionally"
    r"|rarely) )+"
)
_USER = _any_case(
    r"(?:(?:the|this) )?user(?:,? (?-i:[A-Z])[\w-]+(?: (?-i:[A-Z])[\w-]+)?,?| \([^()]{1,40}\))?"
    r"(?P<pair> and (?:his|her|their) (?:wife|husband|partner|spouse|girlfriend|boyfriend|fianc[eé]e?|family))?"
    r"(?P<own>'s)? "
)
_BEEN = re.compile(r"(?:never |always |also )?been\b")
_IS = re.compile(
    r"(?:an?|not|now|currently|allergic|vegan|vegetarian|from|based|interested|married|planning|working|living"
    r"|learning|looking|trying|getting|moving)\b"
)
# "The user's browser", "user stories": how programs are spoken of.
_DEVICE = _any_case(
    r"(?:browser|session|input|request|credentials|token|query|prompt|message|screen|guide|manual|cursor|keyboard"
    r"|permissions|roles?|settings|login)\b"
)
_FIRST_WORD = _any_case(r"(?P<word>[a-z]{3,}|is)(?=[ .!,]|$)(?! (?:is|are|was|were|have|should|must)\b)")
_USERS_THINGS = vocabulary(
    """
    stories settings accounts groups roles permissions sessions interviews reviews personas names ids guides manuals
    tests inputs status analytics metrics
    """
)
_VERBS = vocabulary(
    """
    is can could will would might may must should had did went bought got took met made came gave flew ate won lost
    spent left quit began became broke built chose drove fell felt found forgot grew heard kept knew led paid ran read
    sang saw sold sent slept spoke taught told thought understood wore wrote drank swam brought caught hurt said
    """
)
_REPORTED = _any_case(
    r"(?:said|says|say|mentioned|mentions|stated|states|shared|shares|noted|notes|explained|confirmed|reported|reports"
    r"|revealed|indicated|(?:told|tells) (?:me|us|the assistant|the agent))(?: that)? (?:they|she|he"
    r"|(?P<whose>their|his|her)) "
)
_QUOTED = _any_case(r"(?:said|says|stated|mentioned|wrote|told \w+)[:,]? [\"“](?P<said>(?:i|my|we|our) [^\"“”]+)")
_THEIR = re.compile(r"(?P<before>^[^A-Z]{0,80}?\b)(?:their|his|her)(?= [a-z])")

_HOLDINGS = (
    r"(?:kids?|child(?:ren)?|sons?|daughters?|brothers?|sisters?|siblings?|twins|grandchildren|wife|husband|partner"
    r"|boyfriend|girlfriend|roommate|dogs?|cats?|pets?|pupp(?:y|ies)|kittens?|allerg(?:y|ies)|intolerance|diabetes"
    r"|asthma|adhd|migraines|anxiety|dyslexia|c[eo]+liac disease)\b"
)
_DIETS = r"(?:vegan|vegetarian|pescatarian|lactose[- ]intolerant|gluten[- ]intolerant)"
_STATES = r"(?:married|engaged|divorced|widowed|retired|pregnant|left-handed|diabetic|c[eo]+liac)"
_SOMETHING = r"(?!(?:it|this|that|them|you|your|me|these|those|to be|to know)\b)\w"
_LEFT_OUT = r"(?:eats?|drinks?|likes?|smokes?|drives?|swims?|stands?|tolerates?|speaks?|enjoys?|owns?|wants? kids)\b"
_PERSONAL = _any_case(
    r"(?:lives|resides) (?:in|with|near|alone|at|on)\b"
    r"|works (?:(?:at|for) (?:(?-i:[A-Z])|an? |the (?!most\b|time\b|best\b|first\b))|as (?:an?|the) |from home|remotely"
    r"|in (?:an? |finance|marketing|sales|tech\b|healthcare|education|hr\b|retail|hospitality|construction))"
    rf"|(?:prefers|likes|loves|enjoys|hates|dislikes|adores|detests) {_SOMETHING}"
    r"|speaks (?:fluent |some |a little )?(?-i:[A-Z])"
    r"|studies (?-i:at|[a-z]+ (?:at|in)|law|medicine|engineering|[a-z]+(?:ics|ogy|istry|ory|ing))\b"
    rf"|has (?:(?:an?|one|two|three|four|five|six|no|\d{{1,2}}) (?:[\w-]+ ){{0,2}}?)?{_HOLDINGS}"
    rf"|is (?:not |no longer |now |an? |a strict )?(?:allergic|{_DIETS}|{_STATES}|single|\d{{1,2}} years old)\b"
    rf"|(?:does not|can not|never) {_LEFT_OUT}"
)
_CALLING = _any_case(r"is (?:now )?(?:(?:an?|the) )?")
# With nobody named: what is said so is said of people, in notes about them.
_NOTED = _any_case(
    r"is (?:from (?-i:[A-Z])|afraid of|interested in|learning|planning|training|studying|working (?:at|for|as)|living"
    r"|employed|based in|called|named|fluent|fond of|into \w|an? (?:big |huge )?fan of|turning \d|\d{1,3}[.!]?$)"
    r"|was (?:born|diagnosed|raised|promoted)\b"
    rf"|has (?:been (?:{_DIETS}|{_STATES}|living|working|learning|diagnosed|playing|training)|moved|relocated|lived"
    r"|worked (?:at|for|as))\b"
    r"|(?:moved|relocated) (?:back )?(?:to|from)\b|grew up\b|graduated\b|got (?:married|engaged|promoted|divorced)\b"
    rf"|became an? |(?:became|went|follows an?) {_DIETS}|turned \d|started (?:working|learning)\b"
    r"|(?:started|accepted|took|landed|got) an? (?:new )?(?:job|position|role)\b|(?:switched|changed) jobs\b"
    r"|(?:left|quit|lost) (?:his|her|their) job\b|(?:left|quit|resigned from) (?-i:[A-Z])"
    r"|used to |drives (?:an? |to )|owns an? |goes by (?-i:[A-Z])|(?:collects|teaches) [a-z]"
    r"|(?:eats|drinks) [a-z]+(?: |[.!]|$)"
    rf"|plays (?:the |in )?(?!an? |well\b|nice|out\b|role|up\b){_SOMETHING}"
    rf"|(?:wants|plans|hopes|intends|aims) {_SOMETHING}"
)
_STATE = _any_case(
    rf"(?:not )?allergic to |(?:interested in|afraid of|fluent in|fond of) {_SOMETHING}|married (?:to|with) "
    r"|born (?:in|on) |based in (?!part\b)"
    rf"|(?:strict )?(?:{_DIETS}|{_STATES})(?=[.!,;]|$| since| but| with an? )"
)
# "Studies have shown", "drinks are on me": the first word is a noun.
_NOUN_FIRST = _any_case(r"\w+ (?:is|are|were|was|have|do|can|will|should|must|show)\b")

_LABEL = _any_case(r"(?:(?:(?:the|this) )?user(?:'s)? )?(?P<label>[a-z][\w -]{1,40}?) ?: (?P<value>\S.*)")
_LABELS = frozenset(
    (
        *("name", "full name", "first name", "last name", "nickname", "birthday", "date of birth", "dob", "age"),
        *("home", "residence", "hometown", "home town", "city", "location", "address", "country", "nationality"),
        *("job", "job title", "occupation", "profession", "employer", "workplace", "diet", "allergy", "allergies"),
        *("allergic to", "likes", "dislikes", "hobby", "hobbies", "interests", "pronouns", "timezone", "time zone"),
        *("languages", "native language", "spoken languages", "relationship status", "marital status", "partner"),
        *("spouse", "wife", "husband", "children", "kids", "pet", "pets", "email", "e-mail", "email address"),
        *("phone", "phone number", "mobile", "mobile number", "blood type", "shoe size"),
    )
)
_OPENINGS = {
    "nickname": "Call me", "date of birth": "My birthday is", "dob": "My birthday is", "age": "I am",
    "home": "I live in", "residence": "I live in", "workplace": "My employer is", "allergy": "I am allergic to",
    "allergies": "I am allergic to", "allergic to": "I am allergic to", "likes": "I like", "dislikes": "I dislike",
    "relationship status": "I am", "marital status": "I am",
}  # fmt: skip
_UNKNOWN = _any_case(r"(?:unknown|none|n/?a|null|nil|undefined|tbd|todo|\?+|-+|not \w+|no \w+)[.!]?")
