"""The English the rules know: contractions, function words, word roots."""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.retrieval.tokenize import detect_language


def vocabulary(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


def starts(alternatives: str) -> re.Pattern[str]:
    """Compile alternatives for the start of a lower-case sentence with its contractions written out.

    Each stands on a line of its own; a line that begins with a bar goes on with the one before.
    """
    lines = (line.strip() for line in re.sub(r"\n\s*\|", "|", alternatives).strip().splitlines())
    return re.compile("(?:" + "|".join(lines) + r")(?![\w'])")


WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

SELF = vocabulary("i me my mine myself we us our ours ourselves")
"""Words by which speakers mean themselves."""

STOP_WORDS = SELF | vocabulary(
    """
    a an the this that these those it its there here and or but so then than of to in on at by for from with about
    into as is am are was were be been being do does did done have has had having will would shall should can could
    may might must just also too very really quite still now currently actually already even ever well um oh lot much
    bit pretty totally absolutely definitely some any all which who whom whose what where you your yours please
    """
)
"""Words that carry no content of their own. Negations and other people's pronouns are not among them."""

_NO_APOSTROPHE = {
    "im": "i am",
    "ive": "i have",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "cant": "can not",
    "isnt": "is not",
    "wasnt": "was not",
    "arent": "are not",
    "wont": "will not",
    "cannot": "can not",
    "gonna": "going to",
    "wanna": "want to",
    "anymore": "any more",
}
_UNMARKED = re.compile(r"\b(?:" + "|".join(_NO_APOSTROPHE) + r")\b", re.IGNORECASE)
_ENDINGS = {"m": " am", "re": " are", "ve": " have", "ll": " will", "d": " would"}
_ENDING = re.compile(r"'(m|re|ve|ll|d)\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:(ca)|(wo)|(sha)|(\w+))n't\b", re.IGNORECASE)
_IS = re.compile(
    r"\b(he|she|it|that|there|here|what|who|where|how|let|name|everything|everyone)'s\b(?=( (?:got|been)\b)?)",
    re.IGNORECASE,
)


def expanded(text: str) -> str:
    """Return `text` with straight apostrophes and its contractions written out (`I'm` → `I am`)."""
    text = text.replace("\u2019", "'")
    if "'" in text:
        text = _NOT.sub(_negated, text)
        text = _ENDING.sub(lambda found: _ENDINGS[found[1].lower()], text)
        text = _IS.sub(lambda found: found[1] + (" has" if found[2] else " is"), text)
    if _NO_APOSTROPHE.keys().isdisjoint(WORD.findall(text.lower())):
        return text
    return _UNMARKED.sub(lambda found: _NO_APOSTROPHE[found[0].lower()], text)


def _negated(found: re.Match[str]) -> str:
    return ("can" if found[1] else "will" if found[2] else "shall" if found[3] else found[4]) + " not"


def first_person(verb: str) -> str:
    """Return what "he" or "they" does as what "I" do: `is` and `are` give `am`, `studies` gives `study`."""
    lowered = verb.lower()
    if lowered in _FIRST_PERSON or len(lowered) <= 3 or not lowered.endswith("s"):  # noqa: PLR2004
        return _FIRST_PERSON.get(lowered, verb)
    if lowered.endswith("ies"):
        return verb[:-3] + "y"
    if lowered.endswith(("shes", "ches", "sses", "xes", "zzes", "oes")):
        return verb[:-2]
    return verb if lowered.endswith("ss") else verb[:-1]


def third_person(verb: str) -> str:
    """Return what "they" do as what "the user" does: `have` gives `has`, `study` gives `studies`."""
    lowered = verb.lower()
    if lowered in _THIRD_PERSON or lowered.endswith("ed"):
        return _THIRD_PERSON.get(lowered, verb)
    if lowered.endswith("y") and lowered[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if lowered.endswith(("sh", "ch", "ss", "x", "zz", "o")) else "s")


_FIRST_PERSON = {"is": "am", "are": "am", "were": "was", "has": "have", "does": "do", "goes": "go"}
_UNINFLECTED = vocabulary(
    """
    can could will would may might must should had did went got took bought met made came ate lost left quit grew began
    became found
    """
)
_THIRD_PERSON = {"are": "is", "were": "was", "have": "has", **{verb: verb for verb in _UNINFLECTED}}


def root(word: str) -> str:
    """Return `word` without its inflection, roughly: `moved`, `moves` and `moving` all give `mov`."""
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):  # noqa: PLR2004
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2]:  # noqa: PLR2004
        word = word[:-1]
    return word.rstrip("e") if len(word) > 3 else word  # noqa: PLR2004


def content(text: str) -> tuple[str, ...]:
    """Return the roots of the words that carry content, in order."""
    words = WORD.findall(expanded(text).lower())
    return tuple(root(word) for word in words if word not in STOP_WORDS)


_ENGLISH = STOP_WORDS | vocabulary(
    """
    not no never yes he she they him her them his their one two three first last next time day week month year today
    tomorrow yesterday ago more most other another new good great best like love hate want need think know go going
    went get got make made take see look feel work live call called remember always because if when while after before
    since until how why only own out up down over off again back every each both few many such same thanks thank sorry
    hope keep use let never said say tell been people thing things way something anything everything someone everyone
    nothing anyone prefer happy glad sure help answer speak write am i'm
    """
)
_FOREIGN = vocabulary(
    """
    ich bin ist und der das nicht ein eine mein meine habe wir sind mit auch auf je suis est et les des le la une mon
    ma mes pas nous avec dans pour du au yo soy mi mis el los las es que tengo vivo una un con por para muy en io sono
    il di che mio mia ho non per eu sou uma meu minha moro tenho com em ik het mijn niet ben een woon jag och min
    jestem nie mam na się w ve bir benim de da del al se lo ya su sie er wohne zu von dem den seit
    """
)


def is_foreign(text: str, words: Sequence[str]) -> bool:
    """Tell whether `text` is in another language than English, by its script and its function words.

    Args:
        text: A sentence.
        words: Its words in lower case, contractions written out.
    """
    if not text.isascii() and _mostly_other_script(text):
        return True
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    if foreign > english or detect_language(words) != "english":
        return True
    return not english and len(words) > 3  # noqa: PLR2004


def _mostly_other_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    latin_end = "\u0250"
    return sum(character >= latin_end for character in letters) * 2 > len(letters)
