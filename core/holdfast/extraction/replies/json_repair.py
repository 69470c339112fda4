"""From the text of a reply to the JSON values in it, mended where they are broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from holdfast.extraction.facts import Skipped
from holdfast.extraction.replies.entries import Damaged, entries, listed

# Where a value may begin: "[1]" and "{name}" in prose are none.
_START = re.compile(r"""\{\s*(?:["'“}/#]|\w+\s*:)|\[\s*(?:["'“{\[\]/#])""")
_THOUGHTS = re.compile(r"\s*<(think(?:ing)?|thought|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_DECODER = json.JSONDecoder(strict=False)
_MOST_VALUES = 10_000
# json-repair takes time quadratic in a text with stray quotes (4,000 characters 0.25 s, 32,000 7 s), so it
# gets small pieces, and not many.
_PIECE = 4000
_REPAIRABLE = 4 * _PIECE


class Reading:
    """The JSON values of a reply, mended where they are broken.

    Attributes:
        runs: Values that follow one another directly; prose in between starts a new run.
        lost: What stands after the last complete entry, when something could not be read; else `None`.
    """

    def __init__(self, reply: str) -> None:
        self.runs: list[list[object]] = []
        self.lost: str | None = None
        self._text = reply.lstrip("\ufeff")
        self._repairable = _REPAIRABLE
        self._read()

    def items(self, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
        """Return the entries of the answer, `None` if there is no answer.

        The last run with a list under one of `names` wins: before it stand drafts and echoes of the question.
        """
        named = [run for run in self.runs if any(listed(value, names, is_item) is not None for value in run)]
        for run in reversed(named or self.runs):
            parts = [entries(value, names, is_item) for value in run]
            if any(part is not None for part in parts):
                return [item for part in parts for item in part or ()]
        return None

    def truncated(self) -> list[Skipped]:
        """Return a note of what is lost, empty when nothing is."""
        if self.lost is None:
            return []
        return [Skipped("truncated", self.lost.strip("`, \r\n\t"), "What follows here could not be read.")]

    def _read(self) -> None:
        thoughts = _THOUGHTS.match(self._text)
        position = thoughts.end() if thoughts else 0
        count = 0
        while found := _START.search(self._text, position):
            if count >= _MOST_VALUES:
                self.lost = self._text[position:]
                break
            if not self.runs or self._text[position : found.start()].strip(" \t\r\n,;"):
                self.runs.append([])
            values, position = self._values(found.start())
            self.runs[-1] += values
            count += 1

    def _values(self, start: int) -> tuple[list[object], int]:
        """Return the value at `start`, several if it had to be mended in pieces, and where to read on."""
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return self._mended(start)
        return [value], end

    def _mended(self, start: int) -> tuple[list[object], int]:
        span = _span(self._text, start) if self._repairable else None
        if span is None:
            self.lost = self._text[start:]
            return [], len(self._text)
        end = span.end
        if span.cut:
            end = span.borders[-1] if span.borders else start
            self.lost = self._text[end:]
        try:
            return [_DECODER.decode(self._text[start:end] + span.closers)], span.end
        except (ValueError, RecursionError):
            return self._repaired(start, end, span.borders), span.end

    def _repaired(self, start: int, end: int, borders: Sequence[int]) -> list[object]:
        values: list[object] = []
        for piece_end in _piece_ends(start, end, borders):
            if piece_end - start > min(_PIECE, self._repairable):
                self.lost = self._text[start:]
                self._repairable = 0
                break
            self._repairable -= piece_end - start
            piece = self._text[start:piece_end]
            values.append(_repaired("[" + piece.lstrip(", \r\n\t") if values else piece))
            start = piece_end
        return values


def _piece_ends(start: int, end: int, borders: Sequence[int]) -> Iterator[int]:
    """Yield where to cut `start:end`: between entries and, where they allow it, at most `_PIECE` apart."""
    last = start
    inside = [border for border in borders if border < end]
    for border, following in zip(inside, [*inside[1:], end][: len(inside)], strict=True):
        if following - last > _PIECE:
            yield border
            last = border
    if last < end:
        yield end


def _repaired(text: str) -> object:
    import json_repair  # noqa: PLC0415 - most replies need no repair, and it takes 50 ms to load

    try:
        return _checked(json_repair.loads(text, skip_json_loads=True), _unescaped(text))
    except Exception:  # noqa: BLE001 - whatever goes wrong in there, it is the reply that is unreadable
        return None


def _checked(value: object, source: str) -> object:
    """Mark the texts that `source` does not quote whole: from `'It's late'` a repair may make `It`."""
    if isinstance(value, str):
        return value if _quotes(source, value) else Damaged(value)
    if isinstance(value, list):
        return [_checked(item, source) for item in value]
    if isinstance(value, dict):
        return {key: _checked(content, source) for key, content in value.items()}
    return value


_QUOTES = frozenset("\"'“”")
_END_OF_QUOTE = re.compile(r"""["'“”]\s*(?:[,:}\]"'/#]|\Z)""")


def _quotes(source: str, text: str) -> bool:
    at = source.find(text)
    while at > 0:
        if source[at - 1] in _QUOTES and _END_OF_QUOTE.match(source, at + len(text)):
            return True
        at = source.find(text, at + 1)
    return False


_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL | re.IGNORECASE)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda one: chr(int(one[1], 16)) if one[1] else _ESCAPED.get(one[2], one[2]), text)


@dataclass(frozen=True, slots=True)
class _Span:
    """How far a broken value reaches.

    Attributes:
        end: Where it ends; the end of the text if it is never closed.
        borders: Where the entries of its outermost list end.
        closers: The brackets it lacks, behind the last border if it is cut.
        cut: Whether the text ends within an entry or before the list does.
    """

    end: int
    borders: list[int]
    closers: str
    cut: bool


_TOKEN = re.compile(
    r"""[{}\[\]]"""
    r"""|(?P<quote>"|(?<=[\[{,:\s])')(?:(?!(?P=quote))[^\\]|\\.)*(?:(?P=quote)|(?P<unclosed>\\?\Z))""",
    re.DOTALL,
)
_AFTER_ENTRY = re.compile(r"\s*(?:[,\]]|\Z)")
_DEEPEST = 32


def _span(text: str, start: int) -> _Span | None:
    """Return the reach of the value at `start`, `None` if it is nested deeper than any answer."""
    opened: list[str] = []
    borders: list[int] = []
    closers = ""
    stray = False
    for token in _TOKEN.finditer(text, start):
        mark = token.group()
        stray = token["unclosed"] is not None
        if mark in {"{", "["}:
            opened.append(mark)
        elif mark in {"}", "]"}:
            opened.pop()
        if not opened:
            return _Span(token.end(), borders, "", cut=False)
        if len(opened) > _DEEPEST:
            return None
        in_list = opened[-1] == "[" and opened.count("[") == 1 and mark != "["
        if in_list and not stray and _AFTER_ENTRY.match(text, token.end()):
            borders.append(token.end())
            closers = _closers(opened)
    # Stray quotes pair up wrongly, so that the last one seems open: brackets at the end speak against a cut.
    bracketed = text.rstrip("` \r\n\t").endswith(("}", "]"))
    if bracketed and (stray or "[" not in opened):
        return _Span(len(text), borders, _closers(opened), cut=False)
    return _Span(len(text), borders, closers, cut=True)


def _closers(opened: Sequence[str]) -> str:
    return "".join("}" if bracket == "{" else "]" for bracket in reversed(opened))
