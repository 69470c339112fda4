"""From a turn's text to its sentences and clauses, word by word and never twice over the same text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.extraction.rules.language import Language, Rule
from holdfast.extraction.rules.machine_text import kinds_of_lines

LONGEST_SENTENCE = 1000
"""Characters; what is longer without a full stop is a paste, not something said."""

_SHORTEST_WRAPPED_LINE = 50
_BULLET = re.compile(r"(?:[-*•·]|\(?\d{1,3}[.)])\s+")
_WIDE_STOPS = {ord(stop): stop + " " for stop in "。！\uff1f\u061f।"}
_STOPS = ".!?…。！\uff1f\u061f।;"
_CLOSERS = "\"'”\u2019»)]}*_~"
_STOPS_OR_CLOSERS = _STOPS + _CLOSERS
_QUOTES = re.compile(r'["“”«»„]')


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a turn: one sentence, or a whole block that somebody else wrote.

    Attributes:
        text: As it was written, blanks normalised within a sentence.
        kind: Why it is nothing that its sender says, such as `"quoted"` for code and pastes; empty for a sentence.
    """

    text: str
    kind: str = ""


def passages(language: Language, text: str) -> Iterator[Passage]:
    """Yield the sentences of `text` and its quoted blocks, in order."""
    for block, kind in _blocks(language, text if text.isascii() else text.translate(_WIDE_STOPS)):
        if kind:
            yield Passage(block, kind)
        else:
            yield from (Passage(sentence) for sentence in _sentences(language, block))


def _blocks(language: Language, text: str) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    kind = ""
    for line, found in kinds_of_lines(language, text.splitlines()):
        bare = line.strip()
        if lines and (found != kind or (not found and not _continues(lines[-1], bare))):
            yield _join(lines, quoted=bool(kind)), kind
            lines = []
        kind = found
        if bare:
            lines.append(line if found else _BULLET.sub("", bare, count=1) if _BULLET.match(bare) else bare)
    if lines:
        yield _join(lines, quoted=bool(kind)), kind


def _continues(previous: str, line: str) -> bool:
    """Return whether `line` goes on with a hard-wrapped sentence."""
    return len(previous) >= _SHORTEST_WRAPPED_LINE and line[:1].islower() and previous[-1] not in _STOPS + ":"


def _join(lines: list[str], *, quoted: bool) -> str:
    return ("\n" if quoted else " ").join(lines)


def _sentences(language: Language, block: str) -> Iterator[str]:
    words = block.split()
    quoting = len(_QUOTES.findall(block))
    balanced = quoting > 0 and quoting % 2 == 0
    start, inside = 0, False
    for place, word in enumerate(words, 1):
        if balanced:
            inside ^= len(_QUOTES.findall(word)) % 2 == 1
        if word[-1] in _STOPS_OR_CLOSERS and not inside and _ends(language, word, words[place : place + 1]):
            yield " ".join(words[start:place])
            start = place
    if start < len(words):
        yield " ".join(words[start:])


def _ends(language: Language, word: str, following: list[str]) -> bool:
    core = word.rstrip(_CLOSERS)
    if not core or core[-1] not in _STOPS:
        return False
    if core[-1] != ".":
        return True
    if core.lower() in language.words.closing_abbreviations:
        return bool(following) and following[0][0].isupper()
    initial = len(core) == 2 and core[0].isupper() and core[0].lower() not in language.words.self  # noqa: PLR2004
    return not (initial or core.lower() in language.words.abbreviations)


_NOISE = re.compile(r"[^\w\"'“\u2018«(\[$€£#@&+¿¡]+")
_VALUE_AHEAD = re.compile(r"[^\w\s]{1,3}(?=\d)|\.(?=[A-Z])|[/~](?=[\w/.])|[^\w\s]+(?=\s+(?P<verb>\w+))")
_MOST_OPENERS = 8


def strip_openers(language: Language, sentence: str) -> tuple[str, Rule | None]:
    """Return `sentence` without greetings, fillers and interjections in front, and the rule for what they were.

    Returns:
        The rest, empty when there was nothing else. The rule is one of greeting if there was a greeting, else that of
        the first opener, else `None`.
    """
    rest, kind = _without_noise(language, sentence), None
    openers = language.tables.opener
    for _ in range(_MOST_OPENERS):
        found = openers.match(rest)
        if found is None:
            break
        rule = openers.rule_of(found)
        kind = rule if kind is None or rule.outcome == "greeting" else kind
        rest = rest[found.end() :]
    if kind:
        rest = language.patterns.vocative.sub("", rest, count=1) if language.patterns.vocative.match(rest) else rest
        rest = capitalize(rest, like=sentence)
    return strip_closing(language, _without_emoji(rest)), kind


def _without_noise(language: Language, sentence: str) -> str:
    """Return `sentence` without marks in front, unless they are what it is about: `-5`, `.NET`, a symbol that `is`."""
    noise = _NOISE.match(sentence)
    if noise is None:
        return sentence
    value = _VALUE_AHEAD.match(sentence)
    if value and (value["verb"] is None or value["verb"] in language.words.finite_verbs):
        return sentence
    return sentence[noise.end() :]


def strip_closing(language: Language, clause: str) -> str:
    """Return `clause` without a closing `by the way` and the like."""
    bare = clause.rstrip(".!")
    if bare[bare.rfind(" ") + 1 :] not in language.words.closing_words:
        return clause
    return language.patterns.closing_filler.sub("", bare) + clause[len(bare) :]


def capitalize(text: str, *, like: str) -> str:
    """Return `text` with a capital first, unless the sentence it comes from has none at all."""
    return text if like.islower() else text[:1].upper() + text[1:]


def _without_emoji(text: str) -> str:
    """Return `text` without emoji after its end; before that they may be what it says ("I love 🐶")."""
    end = len(text)
    while end and (text[end - 1] in "\ufe0f\u200d " or text[end - 1] >= "\U0001f000" or "☀" <= text[end - 1] <= "➿"):
        end -= 1
    return text[:end] if end and text[end - 1] in _STOPS_OR_CLOSERS else text
