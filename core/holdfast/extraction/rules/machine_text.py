"""Which lines of a turn its sender says, and which are code, logs, tables, headings, templates or heartbeats."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from holdfast.extraction.rules.language import Language

_FENCES = ("```", "~~~", '"""')
_CODE = re.compile(
    r"(?:def|class|function|const|let|var)\s+\w+\s*[(:={]|(?:import|from) \w+(?: import\b|$)|#include|\$ \w"
)
_TRACEBACK = "Traceback (most recent call last)"
_OPENS_DATA = re.compile(r"\{\s*(?:$|[\"'}]|\w+\s*:)|\[\s*(?:$|[\"'\[{\]]|-?\d+[,\]])")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_DEPTH = {"{": 1, "[": 1, "}": -1, "]": -1}
_SEPARATED = re.compile(r"(?P<first>[^,\t]+)(?P<mark>,(?! )|\t+)[^,\t]+(?:(?P=mark)(?! )[^,\t]*)*")
_PATCH = ("diff --git ", "index ", "@@ ", "+++ ", "--- ")
_LONGEST_LINE = 500  # characters that are looked at
_UNDERLINE = re.compile(r"={3,}$")

# In the order in which they are looked for: a heartbeat may have the time in front, as a log has.
_KINDS = {
    "heartbeat": "heartbeat",
    "trace_line": "stack trace",
    "log_line": "log",
    "table_row": "table",
    "heading": "heading",
    "settings_line": "quoted",
}


def kinds_of_lines(language: Language, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each line with why nobody says it, empty when somebody may.

    The kinds are `"heartbeat"`, `"stack trace"`, `"log"`, `"table"`, `"heading"`, `"template"` and, for code, data,
    markup and what is cited, `"quoted"`.
    """
    fenced = traced = patched = False
    rows, data = _rows(lines), _lines_of_data(lines)
    for place, line in enumerate(lines):
        bare = line.strip()
        fence = bare.startswith(_FENCES) and bare.count(bare[:3]) == 1
        inside = fenced or fence or place in data
        fenced ^= fence
        following = lines[place + 1].strip() if place + 1 < len(lines) else ""
        kind = "quoted" if inside or _is_quoted(bare) else _kind_of_line(language, bare, following, place in rows)
        patched = bare.startswith(_PATCH) or (patched and line.startswith(("+", "-", " ")))
        # Between the first line of a traceback and its error stands the code that failed.
        traced = (traced or bare.startswith(_TRACEBACK)) and bool(bare)
        if traced:
            traced = not (kind == "stack trace" and not line[:1].isspace() and not bare.startswith(_TRACEBACK))
            kind = "stack trace"
        yield line, "quoted" if patched else kind


def _kind_of_line(language: Language, line: str, following: str, separated: bool) -> str:  # noqa: FBT001
    looked_at = line[:_LONGEST_LINE]
    patterns = language.patterns
    for name, kind in _KINDS.items():
        if getattr(patterns, name).match(looked_at):
            return kind
    if separated:
        return "table"
    if "{" in looked_at and patterns.template.search(looked_at):
        return "template"
    if _UNDERLINE.match(following) or _UNDERLINE.match(looked_at):
        return "heading"
    found = patterns.titled.match(looked_at)
    if found is None:
        return ""
    words = set((found["bold"] or found["label"] or found["title"]).lower().split())
    lists = language.words
    return "" if words & (lists.speakers | lists.finite_verbs) else "heading"


def _is_quoted(line: str) -> bool:
    return (
        line.startswith((">", *_FENCES))
        or bool(_CODE.match(line))
        or (line.endswith((";", "{", "}")) and not line[:1].isupper())
    )


def _lines_of_data(lines: Sequence[str]) -> frozenset[int]:
    """Return the numbers of the lines of JSON that is pasted as blocks of its own."""
    found: set[int] = set()
    place, closes = 0, True
    while place < len(lines):
        if closes and _OPENS_DATA.match(lines[place].strip()):
            end = _end_of_data(lines, place)
            closes = end > place  # of what never closes, no line is data; nor is it looked for a second time
            found.update(range(place, end))
            place = max(end, place + 1)
        else:
            place += 1
    return frozenset(found)


def _end_of_data(lines: Sequence[str], start: int) -> int:
    """Return the number of the line after the one that closes the brackets opened at `start`, else `start`."""
    depth = 0
    for place in range(start, len(lines)):
        bare = _STRING.sub("", lines[place][:_LONGEST_LINE])
        depth += sum(_DEPTH.get(character, 0) for character in bare)
        if depth <= 0:
            return place + 1
    return start


def _rows(lines: Sequence[str]) -> frozenset[int]:
    """Return the numbers of lines that are rows of values separated by commas or tabs: two or more alike in a row."""
    shapes = [_shape(line.strip()) for line in lines]
    found: set[int] = set()
    for place, (one, other) in enumerate(itertools.pairwise(shapes)):
        if one is not None and one == other:
            found |= {place, place + 1}
    return frozenset(found)


def _shape(line: str) -> tuple[str, int] | None:
    found = _SEPARATED.fullmatch(line) if len(line) <= _LONGEST_LINE and ("," in line or "\t" in line) else None
    if found is None:
        return None
    mark = found["mark"][0]
    count = line.count(mark)
    return (mark, count) if mark == "\t" or count > 1 else None
