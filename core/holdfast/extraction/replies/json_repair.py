"""From the text of a reply to the JSON values in it, repaired where they are broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from holdfast.extraction.facts import Skipped
from holdfast.extraction.replies.entries import DamagedText, Repeated, find_entries, find_list, flatten

# Where a value may start; "[1]" and "{name}" in prose do not count.
_START = re.compile(r"""\{\s*(?:["'“}/#]|\w+\s*:)|\[\s*(?:["'“{\[\]/#])""")
# Where a model's reasoning starts and ends: <think> and its like, Magistral's [THINK], Kimi's ◁think▷, and the channels
# of gpt-oss.
_NAMES = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|analysis)"
_REASONING = re.compile(
    rf"(?P<opened>[<◁]{_NAMES}\s*[>▷]|\[THINK\]|<\|channel\|>(?:analysis|commentary)\b)"
    rf"|[<◁]/\s*{_NAMES}\s*[>▷]|\[/THINK\]|<\|channel\|>final\b",
    re.IGNORECASE,
)
_MOST_ENCODINGS = 3  # of JSON in JSON


def _unite(pairs: list[tuple[str, object]]) -> object:
    """Return the object of `pairs`; lists under one key become one list, other keys that recur start a new object."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    objects: list[dict[str, object]] = [{}]
    for key, value in pairs:
        known = objects[-1].get(key)
        if isinstance(known, list) and isinstance(value, list):
            objects[-1][key] = [*known, *value]
            continue
        if key in objects[-1]:
            objects.append({})
        objects[-1][key] = value
    return objects[0] if len(objects) == 1 else Repeated(objects)


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_unite)
_FENCES = re.compile(r"^\s*(?:`{3,}|~{3,})\w*\s*$", re.MULTILINE)
_MAX_VALUES = 10_000
# json-repair takes quadratic time on a text with stray quotes (4,000 characters 0.25 s, 32,000 7 s). So it gets small
# pieces, and few of them.
_MAX_PIECE_LENGTH = 4000
_MAX_REPAIRED_LENGTH = 4 * _MAX_PIECE_LENGTH


class ReplyValues:
    """The JSON values of a reply, repaired where they are broken.

    Attributes:
        runs: Lists of values that directly follow one another; prose in between starts a new run.
        lost: The text after the last complete entry, when something could not be read; else `None`.
        ends_in_reasoning: Whether the reply ends before its reasoning does; what stands in there is a draft.

    >>> values = ReplyValues('Sure! {"facts": ["Likes tea", "Lives in')
    >>> values.runs, values.lost
    ([[{'facts': ['Likes tea']}]], ', "Lives in')
    """

    def __init__(self, reply: str) -> None:
        self.runs: list[list[object]] = []
        self.lost: str | None = None
        self.ends_in_reasoning = False
        self._text = _decoded(reply.lstrip("\ufeff"))
        self._repairable_length = _MAX_REPAIRED_LENGTH
        self._read()

    def items(self, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
        """Return the entries of the answer, `None` if there is no answer.

        The last run that has a list under one of `names` counts: models put drafts and echoes of the question first.
        """
        named = [run for run in self.runs if any(find_list(value, names, is_item) is not None for value in run)]
        for run in reversed(named or self.runs):
            parts = [find_entries(value, names, is_item) for value in run]
            if any(part is not None for part in parts):
                return [item for part in parts for item in flatten(part or ())]
        return None

    def truncated(self) -> list[Skipped]:
        """Return a note of what is lost, empty when nothing is."""
        if self.lost is None:
            return []
        return [Skipped("truncated", self.lost.strip("`, \r\n\t"), "What follows here could not be read.")]

    def _read(self) -> None:
        position = count = 0
        mark = _REASONING.search(self._text)
        start = _START.search(self._text)
        while start is not None:
            if start.start() < position:
                start = _START.search(self._text, position)
                continue
            if mark is not None and mark.start() < position:
                mark = _REASONING.search(self._text, position)
            if mark is not None and mark.start() < start.start():
                end = self._end_of_reasoning(mark)
                if end is None:
                    return
                position = end
                continue
            if count >= _MAX_VALUES:
                self.lost = self._text[position:]
                break
            if not self.runs or _FENCES.sub("", self._text[position : start.start()]).strip(" \t\r\n,;"):
                self.runs.append([])
            values, position = self._read_values(start.start())
            self.runs[-1] += values
            count += 1
        self._drop_reasoning(position)

    def _end_of_reasoning(self, mark: re.Match[str]) -> int | None:
        """Return where the reasoning ends that `mark` opens or closes, `None` if it has no end."""
        closed = mark
        while closed["opened"] is not None:
            following = _REASONING.search(self._text, closed.end())
            if following is None:
                self.ends_in_reasoning = True
                return None
            closed = following
        if mark["opened"] is None:  # the model's template has opened it: what stands before is a draft
            self.runs.clear()
            self.lost = None
        return closed.end()

    def _drop_reasoning(self, position: int) -> None:
        """Drop what stands before the end of reasoning that no answer follows."""
        mark = _REASONING.search(self._text, position)
        if mark is not None:
            self._end_of_reasoning(mark)

    def _read_values(self, start: int) -> tuple[list[object], int]:
        """Return the value at `start`, several if it was repaired in pieces, and where to read on."""
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return self._repair(start)
        return [value], end

    def _repair(self, start: int) -> tuple[list[object], int]:
        span = _find_span(self._text, start) if self._repairable_length else None
        if span is None:
            self.lost = self._text[start:]
            return [], len(self._text)
        end = span.end
        if span.is_cut:
            end = span.borders[-1] if span.borders else start
            self.lost = self._text[end:]
        try:  # most broken replies are merely cut off, and closing their brackets takes no repair
            return [_DECODER.decode(self._text[start:end] + span.closing_brackets)], span.end
        except (ValueError, RecursionError):
            return self._repair_in_pieces(start, end, span.borders), span.end

    def _repair_in_pieces(self, start: int, end: int, borders: Sequence[int]) -> list[object]:
        values: list[object] = []
        for piece_end in _piece_ends(start, end, borders):
            if piece_end - start > min(_MAX_PIECE_LENGTH, self._repairable_length):
                self.lost = self._text[start:]
                self._repairable_length = 0
                break
            self._repairable_length -= piece_end - start
            piece = self._text[start:piece_end]
            values.append(_repair_piece("[" + piece.lstrip(", \r\n\t") if values else piece))
            start = piece_end
        return values


def _decoded(text: str) -> str:
    """Return the text that a reply is when it was encoded as a JSON string, as some proxies do."""
    for _ in range(_MOST_ENCODINGS):
        inner = _FENCES.sub("", text).strip()
        if not inner.startswith('"') or not inner.endswith('"'):
            break
        try:
            decoded = _DECODER.decode(inner)
        except (ValueError, RecursionError):
            break
        if not isinstance(decoded, str):
            break
        text = decoded
    return text


def _piece_ends(start: int, end: int, borders: Sequence[int]) -> Iterator[int]:
    """Yield where to cut `start:end`: between entries, and at most `_MAX_PIECE_LENGTH` apart where they allow it."""
    last = start
    inside = [border for border in borders if border < end]
    for border, following in zip(inside, [*inside[1:], end][: len(inside)], strict=True):
        if following - last > _MAX_PIECE_LENGTH:
            yield border
            last = border
    if last < end:
        yield end


def _repair_piece(text: str) -> object:
    import json_repair  # noqa: PLC0415 - most replies need no repair, and it takes 50 ms to load

    try:
        return _mark_damaged_texts(json_repair.loads(text, skip_json_loads=True), _unescape(text))
    except Exception:  # noqa: BLE001 - whatever goes wrong in there, it is the reply that is unreadable
        return None


def _mark_damaged_texts(value: object, source: str) -> object:
    """Mark the texts that `source` does not quote as a whole: from `'It's late'` a repair may make `It`."""
    if isinstance(value, str):
        return value if _is_quoted_in(source, value) else DamagedText(value)
    if isinstance(value, list):
        return [_mark_damaged_texts(item, source) for item in value]
    if isinstance(value, dict):
        return {key: _mark_damaged_texts(content, source) for key, content in value.items()}
    return value


_QUOTES = frozenset("\"'“”")
_END_OF_QUOTE = re.compile(r"""["'“”]\s*(?:[,:}\]"'/#]|\Z)""")


def _is_quoted_in(source: str, text: str) -> bool:
    position = source.find(text)
    while position > 0:
        if source[position - 1] in _QUOTES and _END_OF_QUOTE.match(source, position + len(text)):
            return True
        position = source.find(text, position + 1)
    return False


_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL | re.IGNORECASE)
_ESCAPED_CHARACTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _unescape(text: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPED_CHARACTERS.get(match[2], match[2]), text
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """The extent of a broken value.

    Attributes:
        end: Where it ends; the end of the text if it is never closed.
        borders: Where the entries of its outermost list end.
        closing_brackets: The brackets it lacks, after the last border if it is cut.
        is_cut: Whether the text ends inside an entry or before the list does.
    """

    end: int
    borders: list[int]
    closing_brackets: str
    is_cut: bool


_TOKEN = re.compile(
    r"""[{}\[\]]"""
    r"""|(?P<quote>"|(?<=[\[{,:\s])')(?:(?!(?P=quote))[^\\]|\\.)*(?:(?P=quote)|(?P<unclosed>\\?\Z))""",
    re.DOTALL,
)
_AFTER_ENTRY = re.compile(r"\s*(?:[,\]]|\Z)")
_MAX_DEPTH = 32


def _find_span(text: str, start: int) -> _Span | None:
    """Return the extent of the value at `start`, `None` if it is nested deeper than any answer."""
    open_brackets: list[str] = []
    borders: list[int] = []
    closing_brackets = ""
    is_unclosed = False
    for token in _TOKEN.finditer(text, start):
        symbol = token.group()
        is_unclosed = token["unclosed"] is not None
        if symbol in {"{", "["}:
            open_brackets.append(symbol)
        elif symbol in {"}", "]"}:
            open_brackets.pop()
        if not open_brackets:
            return _Span(token.end(), borders, "", is_cut=False)
        if len(open_brackets) > _MAX_DEPTH:
            return None
        ends_entry = open_brackets[-1] == "[" and open_brackets.count("[") == 1 and symbol != "["
        if ends_entry and not is_unclosed and _AFTER_ENTRY.match(text, token.end()):
            borders.append(token.end())
            closing_brackets = _closing_brackets(open_brackets)
    # Stray quotes pair up wrongly, so that the last one seems unclosed; a bracket at the end speaks against a cut.
    ends_with_bracket = text.rstrip("` \r\n\t").endswith(("}", "]"))
    if ends_with_bracket and (is_unclosed or "[" not in open_brackets):
        return _Span(len(text), borders, _closing_brackets(open_brackets), is_cut=False)
    return _Span(len(text), borders, closing_brackets, is_cut=True)


def _closing_brackets(open_brackets: Sequence[str]) -> str:
    return "".join("}" if bracket == "{" else "]" for bracket in reversed(open_brackets))
