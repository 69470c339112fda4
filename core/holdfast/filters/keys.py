"""Paths to metadata values as text: keys joined by dots, quoted where a key holds a dot itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_QUOTED_PART = re.compile(rf"({_QUOTED})(?=\.|\[[\"']|$)", re.DOTALL)
_BRACKET_PART = re.compile(rf"\[({_QUOTED})\](?=\.|\[|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r"""[."'\[\\]|^$""")


def split_path(path: str) -> tuple[str, ...]:
    r"""Return the keys of a path, outermost first.

    A key in quotes is taken as it is, whatever characters it has; `\` before a quote or a `\` keeps it. Square brackets
    around a quoted key replace the dot. Everything else is a plain key, up to the next dot.

    >>> split_path("address.city"), split_path('prices."2.5 kg"'), split_path('prices["2.5 kg"].euro')
    (('address', 'city'), ('prices', '2.5 kg'), ('prices', '2.5 kg', 'euro'))
    >>> split_path(r'"say \"tea\""'), split_path("it's")
    (('say "tea"',), ("it's",))

    Raises:
        ValueError: A key is empty, and not in quotes.
    """
    if not _NEEDS_QUOTES.search(path):
        return (path,)
    parts: list[str] = []
    place, end = 0, len(path)
    while True:
        quoted = _QUOTED_PART.match(path, place)
        if quoted:
            parts.append(_unquote(quoted[1]))
            place = quoted.end()
        elif not (place == 0 and _BRACKET_PART.match(path)):
            start, place = place, _end_of_plain_key(path, place)
            if start == place:
                raise ValueError(path)
            parts.append(path[start:place])
        while bracket := _BRACKET_PART.match(path, place):
            parts.append(_unquote(bracket[1]))
            place = bracket.end()
        if place == end:
            return tuple(parts)
        place += 1  # the dot


def join_path(keys: Iterable[str]) -> str:
    """Return keys as a path that `split_path` reads back.

    >>> join_path(["prices", "2.5 kg"])
    'prices."2.5 kg"'
    """
    return ".".join(quote_key(key) if _NEEDS_QUOTES.search(key) else key for key in keys)


def _end_of_plain_key(path: str, start: int) -> int:
    for place in range(start, len(path)):
        if path[place] == "." or (path[place] == "[" and place > start and _BRACKET_PART.match(path, place)):
            return place
    return len(path)


def quote_key(key: str) -> str:
    """Return a key in quotes, so that a path takes it as it is.

    >>> quote_key("a.b")
    '"a.b"'
    """
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquote(quoted: str) -> str:
    return _ESCAPE.sub(r"\1", quoted[1:-1])
