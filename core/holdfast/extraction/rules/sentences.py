"""From a turn's text to its sentences and clauses, word by word and never twice over the same text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.extraction.rules.english import vocabulary

LONGEST_SENTENCE = 1000
"""Characters; what is longer without a full stop is a paste, not something said."""

_FENCES = ("```", "~~~", '"""')
_CODE = re.compile(
    r"(?:def|class|function|const|let|var)\s+\w+\s*[(:={]|(?:import|from) \w+(?: import\b|$)|#include|\$ \w"
)
_SHORTEST_WRAPPED_LINE = 50
_BULLET = re.compile(r"(?:[-*•·]|\(?\d{1,3}[.)])\s+")
_WIDE_STOPS = {ord(stop): stop + " " for stop in "。！\uff1f\u061f।"}
_STOPS = ".!?…。！\uff1f\u061f।;"
_CLOSERS = "\"'”\u2019»)]}*_~"
_STOPS_OR_CLOSERS = _STOPS + _CLOSERS
_QUOTES = re.compile(r'["“”«»„]')
_ABBREVIATIONS = vocabulary(
    """
    mr. mrs. ms. dr. prof. st. jr. sr. e.g. i.e. etc. vs. approx. no. inc. ltd. co. a.m. p.m. u.s. u.k. jan. feb. mar.
    apr. jun. jul. aug. sep. sept. oct. nov. dec. mon. tue. wed. thu. fri. sat. sun. ave. dept. est. gov.
    """
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a turn: one sentence, or a whole block that somebody else wrote.

    Attributes:
        text: As it was written, blanks normalised within a sentence.
        quoted: Whether it is code, a quotation or a paste.
    """

    text: str
    quoted: bool = False


def passages(text: str) -> Iterator[Passage]:
    """Yield the sentences of `text` and its quoted blocks, in order."""
    for block, quoted in _blocks(text.translate(_WIDE_STOPS)):
        if quoted:
            yield Passage(block, quoted=True)
        else:
            yield from (Passage(sentence) for sentence in _sentences(block))


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    lines: list[str] = []
    kind = fenced = False
    for line in text.splitlines():
        bare = line.strip()
        fence = bare.startswith(_FENCES) and bare.count(bare[:3]) == 1
        quoted = fenced or fence or _is_quoted(bare)
        fenced ^= fence
        if lines and (quoted != kind or (not quoted and not _continues(lines[-1], bare))):
            yield _joined(lines, quoted=kind), kind
            lines = []
        kind = quoted
        if bare:
            lines.append(line if quoted else _BULLET.sub("", bare, count=1) if _BULLET.match(bare) else bare)
    if lines:
        yield _joined(lines, quoted=kind), kind


def _is_quoted(line: str) -> bool:
    return (
        line.startswith((">", *_FENCES))
        or bool(_CODE.match(line))
        or (line.endswith((";", "{", "}")) and not line[:1].isupper())
    )


def _continues(previous: str, line: str) -> bool:
    """Tell whether `line` goes on with a hard-wrapped sentence."""
    return len(previous) >= _SHORTEST_WRAPPED_LINE and line[:1].islower() and previous[-1] not in _STOPS + ":"


def _joined(lines: list[str], *, quoted: bool) -> str:
    return ("\n" if quoted else " ").join(lines)


def _sentences(block: str) -> Iterator[str]:
    words = block.split()
    quoting = len(_QUOTES.findall(block))
    balanced = quoting > 0 and quoting % 2 == 0
    start, inside = 0, False
    for place, word in enumerate(words, 1):
        if balanced:
            inside ^= len(_QUOTES.findall(word)) % 2 == 1
        if word[-1] in _STOPS_OR_CLOSERS and not inside and _ends(word, words[place : place + 1]):
            yield " ".join(words[start:place])
            start = place
    if start < len(words):
        yield " ".join(words[start:])


def _ends(word: str, following: list[str]) -> bool:
    core = word.rstrip(_CLOSERS)
    if not core or core[-1] not in _STOPS:
        return False
    if core[-1] != ".":
        return True
    initial = len(core) == 2 and core[0].isupper() and core[0] != "I"  # noqa: PLR2004
    if core.lower() in {"a.m.", "p.m.", "etc."}:
        return bool(following) and following[0][0].isupper()
    return not (initial or core.lower() in _ABBREVIATIONS)


_ADDRESSEE = r"(?:\s+(?:there|everyone|everybody|all|guys|again|folks|team|buddy|(?-i:[A-Z])[\w'-]{0,30}))?"
_GREETING = re.compile(
    r"(?:hey+|hi+|hello|howdy|yo|hiya|greetings|good\s+(?:morning|afternoon|evening|day|night)|dear)"
    + _ADDRESSEE
    + r"(?:[\s,.!:;\u2013\u2014-]+|$)",
    re.IGNORECASE,
)
# These lead into a sentence with or without a comma ...
_FILLER = re.compile(
    r"(?:well(?!-)|oh(?:\s+(?:my\s+)?(?:god|gosh|no|wow))?|a+h+|u+m+|u+h+|h+m+|(?:ha){2,}|lol|wow|yeah|yep|yup|yeh"
    r"|okay|ok|so(?!\s+(?:far|that|much|many|is|are|do|am)\b)|and|but|also|plus|btw|by the way|fyi|anyways?|actually"
    r"|honestly|basically|frankly|to be (?:honest|fair|clear)|tbh|you know what|guess what|just so you know"
    r"|just (?:a )?(?:quick )?(?:fyi|note|heads[ -]up)|for (?:the record|your information|context|reference"
    r"|what it's worth)|as (?:you know|i (?:said|mentioned|told you))|like i said|(?:one"
    r"|another) (?:more )?thing(?=[,:])|oops|whoops)\b(?!')(?:[\s,.!:;\u2013\u2014-]+|$)",
    re.IGNORECASE,
)
_NEWS = r"(?:(?:i|we)(?: have|'ve(?: got)?) )?(?:some )?(?:(?:big|great|good|bad|sad|exciting|huge) )?news"
# ... and these only with one, or as the whole sentence.
_AGREEMENT = re.compile(
    rf"(?:{_NEWS}|yes|no|nope|sure(?: thing)?|right|sorry|my bad|thank(?:s| you)(?: (?:a lot|a bunch|so much"
    r"|very much|again|anyway))?|thx|ty|cool|great|nice|awesome|amazing|perfect|excellent|good|fine|listen|look"
    r"|i mean|you know|you see|alright|all right|of course|absolutely|definitely|exactly|true|indeed|totally|gosh"
    r"|man|dude|bro|aw+|correction|edit|update|wait|hold on|no wait|good (?:question|point|idea)|no (?:worries"
    r"|problem|thanks|way)|got it|makes sense|sounds good|congrats"
    r"|please)(?:,?\s+(?-i:[A-Z])[\w'-]{{0,30}})?(?:\s*[,.!:;\u2013\u2014]+\s*|\s+-+\s+|$)|yes\s+(?=(?:i|my|we)\b)",
    re.IGNORECASE,
)
_LAST_WORDS = ("by the way", "btw", "lol", "haha", "well", "you know", "i mean", "actually", "anyway", "though", "so")
_TRAILING = re.compile(
    r"(?:,?\s(?:by the way|btw|lol|haha)|,\s(?:well|you know|i mean|actually|anyway|though|so))$", re.IGNORECASE
)
_VOCATIVE = re.compile(r"[A-Z][\w'-]{0,30}[,!]\s+(?=(?:I|I'm|I've|we|We|we're)\b)")
_NOISE = re.compile(r"[^\w\"'“\u2018«(\[$€£#@&+¿¡]+")
_MOST_OPENERS = 8


def cleaned(sentence: str) -> tuple[str, str]:
    """Return `sentence` without greetings, fillers and interjections in front, and what kind came last.

    Returns:
        The rest, empty when there was nothing else, and `"greeting"`, `"acknowledgement"` or `""`.
    """
    rest, kind = _NOISE.sub("", sentence, count=1) if _NOISE.match(sentence) else sentence, ""
    for _ in range(_MOST_OPENERS):
        opener = _GREETING.match(rest) or _FILLER.match(rest) or _AGREEMENT.match(rest)
        if opener is None:
            break
        kind = "greeting" if opener.re is _GREETING else kind or "acknowledgement"
        rest = rest[opener.end() :]
    if kind:
        rest = _VOCATIVE.sub("", rest, count=1) if _VOCATIVE.match(rest) else rest
        rest = capitalised(rest, like=sentence)
    return without_filler(_without_emoji(rest)), kind


def without_filler(clause: str) -> str:
    """Return `clause` without a closing `by the way` and the like."""
    bare = clause.rstrip(".!")
    return _TRAILING.sub("", bare) + clause[len(bare) :] if bare.endswith(_LAST_WORDS) else clause


def capitalised(text: str, *, like: str) -> str:
    """Return `text` with a capital first, unless the sentence it comes from has none at all."""
    return text if like.islower() else text[:1].upper() + text[1:]


def _without_emoji(text: str) -> str:
    end = len(text)
    while end and (text[end - 1] in "\ufe0f\u200d " or text[end - 1] >= "\U0001f000" or "☀" <= text[end - 1] <= "➿"):
        end -= 1
    return text[:end]
