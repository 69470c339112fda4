"""What is known of languages without rules of their own: courtesies, and words that show that something is said."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from holdfast.retrieval.normalize import normalize

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_COURTESY = 80  # characters
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_NAME = re.compile(r"[\s,]+[A-Z\u00c0-\u00de\u0386-\u03ab\u0410-\u042f][^\W\d_]*[\W_]*$")
_SHORTEST_VERB = 4
# English words that end as the verbs of the first person do in Spanish, Italian and Portuguese.
_ENGLISH = frozenset(
    """
    also auto avocado bingo bravo buffalo cargo casino cello demo disco dynamo echo espresso hello hero info into intro
    jumbo limbo logo macho mango memo mosquito motto metro negro onto photo piano polo potato promo radio rhino salsa
    solo studio tango taco tempo tobacco tomato torso trio turbo undo veto video volcano zero euro kilo gecko ghetto
    audio ratio patio placebo pinto ditto condo combo cameo judo sumo yoyo typo retro micro macro crypto bistro flamingo
    """.split()
)


@dataclass(frozen=True, slots=True)
class Courtesy:
    """What a sentence without content is: a reason of `Skipped`, and the language it is in."""

    reason: str
    language: str


def find_courtesy(sentence: str) -> Courtesy | None:
    """Return what `sentence` is when it is nothing but a greeting, thanks or assent, else `None`.

    >>> find_courtesy("Muchas gracias!"), find_courtesy("好的")
    (Courtesy(reason='acknowledgement', language='spanish'), Courtesy(reason='acknowledgement', language='chinese'))
    >>> find_courtesy("Hola, soy vegano.")
    """
    if len(sentence) > _LONGEST_COURTESY:
        return None
    phrases = _phrases()
    text = _plain(sentence)
    first = next(iter(text.split()), "")
    if first not in phrases.first_words and not _UNSPACED.match(first):
        return None
    found = phrases.several.fullmatch(text) or phrases.several.fullmatch(_plain(_NAME.sub("", sentence)))
    if found is None:
        return None
    return phrases.meanings[str(phrases.one.match(text)[0])]  # type: ignore[index]


def is_said(words: Sequence[str]) -> bool:
    """Return whether a short sentence in Latin letters says something in one of the languages.

    Args:
        words: Its words in lower case.

    >>> is_said(["tengo", "diabetes"]), is_said(["sounds", "great"])
    (True, False)
    """
    speaking, leading, closing = _speaking()
    if not speaking.isdisjoint(words) or any(word.startswith(("j'", "m'", "j\u2019", "m\u2019")) for word in words):
        return True
    first, last = words[0], words[-1]
    verbal = len(words) > 1 and len(first) >= _SHORTEST_VERB and first.endswith(leading) and not first.endswith("oo")
    if verbal and first not in _ENGLISH:
        return True
    return last.endswith(closing) and len(last) >= _SHORTEST_VERB


class _Phrases:
    """The courtesies of all languages; their pattern, which takes 20 ms to compile, is made when one may be there."""

    def __init__(self) -> None:
        self.meanings: dict[str, Courtesy] = {}
        for language, entry in read_table().items():
            for reason, listed in zip(("greeting", "acknowledgement"), entry["courtesies"].split("||"), strict=True):
                for phrase in listed.split("|"):
                    self.meanings.setdefault(_plain(phrase), Courtesy(reason, language))
        self.first_words = frozenset(phrase.split()[0] for phrase in self.meanings)

    @cached_property
    def one(self) -> re.Pattern[str]:
        """One courtesy."""
        longest_first = sorted(self.meanings, key=len, reverse=True)
        spaced = "|".join(re.escape(phrase) for phrase in longest_first if not _UNSPACED.search(phrase))
        unspaced = "|".join(re.escape(phrase) for phrase in longest_first if _UNSPACED.search(phrase))
        return re.compile(rf"(?:(?:{spaced})(?!\S)|(?:{unspaced}))")

    @cached_property
    def several(self) -> re.Pattern[str]:
        """Courtesies and nothing else."""
        return re.compile(rf"(?:{self.one.pattern} ?)+")


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    return _Phrases()


@lru_cache(maxsize=1)
def _speaking() -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Return words of the first person, endings of verbs that open a sentence, and of verbs that close it."""
    entries = read_table()
    words = frozenset(word for entry in entries.values() for word in entry["speaking"].split())
    closing = tuple(entries["turkish"]["endings"].split())
    leading = (ending for name, entry in entries.items() if name != "turkish" for ending in entry["endings"].split())
    return words, tuple(dict.fromkeys(leading)), closing


@lru_cache(maxsize=1)
def read_table() -> dict[str, dict[str, str]]:
    """Return the entries of the table by language, read once."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def _plain(text: str) -> str:
    """Return `text` in lower case, its words and marks without punctuation."""
    composed = normalize(text, "NFC").lower().replace("\u2019", "'")
    return " ".join(_PUNCTUATION.sub(" ", composed).split())


_PUNCTUATION = re.compile(r"[^\w\s'\u0300-\u036f\u0900-\u0e7f\u064b-\u0652-]|_")
