"""From the words after "I live in ..." to the value they state, empty when they state none."""

from __future__ import annotations

import re

from holdfast.extraction.rules.english import vocabulary

NOTHING = "-"
"""What `nothing` returns: the sentence names no value, and says just that."""

EVENTS = (
    r"(?:wedding|exam|exams|test|trip|flight|interview|appointment|surgery|operation|race|marathon|move|deadline"
    r"|party|concert|meeting|defen[cs]e|launch|course|class|holiday|vacation|graduation|ceremony|conference|due date"
    r"|presentation|dinner|check-?up|viewing|start date|release|workshop|hearing|delivery|visit|gig|recital"
    r"|tournament|match|game)"
)

_BOUNDARY = re.compile(
    r"\s*(?:[,;:!?(\u2013\u2014](?:\s|$)|[,;:.!?]*$|\s-+\s|\s(?:since|because|and|but|so|with|where|which|who|that"
    r"|while|after|before|when|now|today|again|any (?:more|longer)|no more|these days|nowadays|at|right now"
    r"|currently|last|next|this|as|for|though|instead|from|together|full[- ]time|not|recently|permanently|by|near|on"
    r"|in|to|until|almost|over)\b)",
    re.IGNORECASE,
)
_THING_BOUNDARY = re.compile(
    r"\s*(?:[,;:!?(\u2013\u2014](?:\s|$)|[,;:.!?]*$|\s-+\s|\s(?:because|but|since|so|a lot|any (?:more|longer)"
    r"|no more|at all|very much|now|these days|again|either|though|nowadays|right now|currently|lately|instead"
    r"|more than anything)\b)",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:an?|the|my|our|some|his|her|their|this|that)\s+", re.IGNORECASE)
_DATE = re.compile(
    r"\d|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*\b|\b(?:mon|tues|wednes|thurs|fri|satur"
    r"|sun)day\b|\b(?:spring|summer|autumn|fall|winter|tomorrow|weekend|easter|christmas|(?:next|this) (?:week|month"
    r"|year))\b",
    re.IGNORECASE,
)
_DATE_BOUNDARY = re.compile(r",\s(?!\d)|\s(?:and|but|because|so|instead|not|with|now)\b")
_DIETS = {
     "vegan": "vegan", "plant-based": "vegan", "vegetarian": "vegetarian", "veggie": "vegetarian", "pescatarian":
    "pescatarian",
    "pescetarian": "pescatarian", "flexitarian": "flexitarian", "omnivore": "omnivore", "carnivore": "carnivore",
    "meat": "omnivore", "fish": "pescatarian",
}  # fmt: skip
_STATUSES = {
    "single": "single", "married": "married", "engaged": "engaged", "divorced": "divorced", "widowed": "widowed",
    "separated": "separated", "in a relationship": "in a relationship",
}  # fmt: skip
_OCCUPATION = re.compile(
    r"(?P<role>(?:(?:senior|junior|head|lead|chief|staff|principal|software|data|civil|mechanical|electrical|product"
    r"|project|primary|high|school|english|maths?|history|science|physics|music|registered|paediatric|pediatric"
    r"|veterinary|freelance|retired|qualified|ux|web|mobile|backend|frontend|front-end|back-end|research|graphic"
    r"|marketing|sales|account|social|truck|bus|taxi|train|fire|police|real|estate|medical|phd|graduate|college"
    r"|university|assistant|associate|team|engineering|night|it|hr)\s+){0,4}(?:engineer|teacher|nurse|doctor|lawyer"
    r"|developer|designer|manager|accountant|architect|analyst|scientist|programmer|student|chef|cook|electrician"
    r"|plumber|carpenter|pharmacist|dentist|vet|surgeon|therapist|psychologist|librarian|journalist|editor"
    r"|translator|consultant|professor|lecturer|researcher|mechanic|pilot|paramedic|firefighter|fighter|officer"
    r"|driver|agent|barista|waiter|waitress|baker|receptionist|secretary|administrator|midwife|physiotherapist"
    r"|economist|biologist|chemist|physicist|banker|broker|director|principal|technician|lead|worker|trainee"
    r"|apprentice|intern))(?=[\s,.;!]|$)",
    re.IGNORECASE,
)
_COUNTRIES = vocabulary(
    """
    germany france spain italy portugal austria switzerland belgium netherlands denmark sweden norway finland iceland
    ireland england scotland wales uk greece poland czechia hungary romania bulgaria croatia serbia slovenia slovakia
    estonia latvia lithuania ukraine turkey israel egypt morocco tunisia kenya nigeria ghana ethiopia india pakistan
    bangladesh nepal china japan korea taiwan vietnam thailand malaysia indonesia philippines australia canada mexico
    brazil argentina chile peru colombia ecuador cuba usa us america europe asia africa bavaria tuscany california
    texas florida
    """
) | frozenset(
    (
        "united kingdom",
        "united states",
        "new zealand",
        "south africa",
        "south korea",
        "sri lanka",
        "costa rica",
    )
)
_NATIONALITY = re.compile(r".*(?:an|ish|ese|ian|ch|ek|ss|ic|im|ist|jewish|sikh)$", re.IGNORECASE)
_MOST_WORDS_OF_A_NAME = 5
_MOST_WORDS_OF_A_THING = 8
_OLDEST = 120


def short(text: str) -> str:
    """Read a name or a few words, as in "my name is ..."."""
    kept = _before(text, _BOUNDARY)
    return kept.lower() if 0 < len(kept.split()) <= _MOST_WORDS_OF_A_NAME else ""


def proper(text: str) -> str:
    """Read a proper name: capitalised, unless the writer uses no capitals at all."""
    kept = _before(text, _BOUNDARY)
    bare = re.sub(r"^the\s+", "", kept, flags=re.IGNORECASE)
    capital = bare[:1].isupper() or bare[:1].isdigit()
    return short(bare) if capital and not _DATE.fullmatch(bare) else ""


def given_name(text: str) -> str:
    """Read a person's name where a nationality or a faith may stand as well ("I am German")."""
    kept = _before(text, _BOUNDARY)
    return "" if _NATIONALITY.match(kept.split()[-1]) else kept.lower()


def place(text: str) -> str:
    """Read a town; a country is no town, for "I live in Spain" and "I live in Madrid" are both true."""
    kept = _before(text, _BOUNDARY)
    if _ARTICLE.match(kept) and not kept.lower().startswith("the "):
        return ""
    name = proper(kept)
    return "" if name in _COUNTRIES else name


def country(text: str) -> str:
    """Read one of the countries the rules know."""
    kept = _before(text, _BOUNDARY).lower()
    return kept if kept in _COUNTRIES else ""


def role(text: str) -> str:
    """Read what somebody works as."""
    return short(_ARTICLE.sub("", text, count=1))


def occupation(text: str) -> str:
    """Read an occupation the rules know; "I am a runner" is none."""
    found = _OCCUPATION.match(text)
    return found["role"].lower() if found else ""


def diet(text: str) -> str:
    """Read one of the diets that exclude each other; "a vegan chef" need not follow one."""
    named, *rest = _before(text, _BOUNDARY).lower().split() or [""]
    return _DIETS.get(named, "") if rest in ([], ["diet"]) else ""


def status(text: str) -> str:
    """Read whether somebody is single, married and so on."""
    lowered = text.lower()
    return next((_STATUSES[word] for word in _STATUSES if re.match(word + r"\b", lowered)), "")


def age(text: str) -> str:
    """Read an age in years."""
    found = re.match(r"\d{1,3}", text)
    return found[0] if found and int(found[0]) <= _OLDEST else ""


def date(text: str) -> str:
    """Read a day, a month or a season, as it was said."""
    end = _DATE_BOUNDARY.search(text)
    kept = (text[: end.start()] if end else text).strip(" .!")
    return kept.lower() if _DATE.search(kept) and len(kept.split()) <= _MOST_WORDS_OF_A_THING else ""


def digits(text: str) -> str:
    """Read a number in its digits alone, however it is grouped."""
    found = re.match(r"[+(\d][\d\s()/.-]*", text)
    return re.sub(r"\D", "", found[0]) if found else ""


def word(text: str) -> str:
    """Read one word."""
    return next(iter(text.split()), "").rstrip(",;:.!").lower()


def phrase(text: str) -> str:
    """Read what comes up to the end of the clause."""
    kept = _ARTICLE.sub("", _before(text, _THING_BOUNDARY), count=1).lower()
    return kept if 0 < len(kept.split()) <= _MOST_WORDS_OF_A_THING and " and " not in kept else ""


def thing(text: str) -> str:
    """Read what somebody likes or is allergic to, with all that belongs to it ("cooking for friends")."""
    kept = _ARTICLE.sub("", _before(text, _THING_BOUNDARY), count=1).lower()
    return "" if kept in {"it", "them", "you", "him", "her", "this", "that"} else kept


def particular(text: str) -> str:
    """Read a name, a number or "a Volvo", but no mere description ("my car is broken")."""
    bare = re.sub(r"^an?\s+", "", text)
    return short(bare) if bare[:1].isupper() or bare[:1].isdigit() or re.match(r"\w+/\w+", bare) else ""


def length(text: str) -> str:
    """Read how long answers should be."""
    found = re.search(
        r"\b(?:(short|brief|concise|terse|to the point)|(long|detailed|thorough|in-depth|longer))",
        text,
        re.IGNORECASE,
    )
    return ("short" if found[1] else "long") if found else ""


def nothing(_text: str) -> str:
    """Read no value: the sentence says that there is none."""
    return NOTHING


def spelled(name: str) -> str:
    """Return a property's name in one spelling."""
    return name.replace("color", "colour").replace("left employer", "employer").replace("timezone", "time zone")


def _before(text: str, boundary: re.Pattern[str]) -> str:
    end = boundary.search(text)
    return (text[: end.start()] if end else text).strip(" \"'“”.")
