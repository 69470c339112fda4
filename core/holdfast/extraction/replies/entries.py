"""From JSON values to entries: the facts and decisions in them, under whatever names the model gave them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from holdfast.extraction.facts import Fact, Skipped
from holdfast.extraction.replies.placeholders import is_placeholder

MAX_TEXT_LENGTH = 5000
"""Most characters of a fact; a longer one is a copied document."""

# The first name is the one asked for; the others are what models and custom prompts make of it.
FACT_LISTS = ("facts", "fact", "memories", "memory", "results", "items", "data")
DECISION_LISTS = ("decisions", "memory", "memories", "actions", "operations", "results", "data")
EVENT_KEYS = ("event", "action", "operation", "decision")
_TEXT_KEYS = ("text", "fact", "memory", "content", "data", "value")
_STANDING_VALUES = ("profile", "preference", "instruction", "none")
_ENTRY_KEYS = frozenset([*_TEXT_KEYS, *EVENT_KEYS, "turn", "attributed_to", "standing", "id"])
_SCHEMA_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_SCHEMA_KEYS = ("properties", "items", "enum", "required", "description", "$schema", "additionalproperties")
_NUMBERED_KEY = re.compile(r"(?:fact|memory|item|statement|f|m)?[ _#-]*\d{1,9}\.?", re.IGNORECASE)
_NUMBERED_FACT = re.compile(r"fact[ _#-]*\d{1,9}", re.IGNORECASE)
_NUMBER = re.compile(r"[a-z#\[(]{0,3}\s*(-?\d{1,9})(?:\.0*)?[\])]?", re.IGNORECASE | re.ASCII)


class Repeated(list[object]):
    """The objects that a model has written as one, with the same keys again."""

    __slots__ = ()


class DamagedText(str):
    """A text that the repair of its reply may have cut into pieces."""

    __slots__ = ()


def find_entries(value: object, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
    """Return the entries in `value`: a list under one of `names`, a bare list, or `value` itself; `None` for none."""
    found = find_list(value, names, is_item)
    if found is not None:
        return found
    if isinstance(value, list) and (not value or any(is_item(item) for item in value)):
        return value
    is_numbered = isinstance(value, dict) and value and all(_NUMBERED_FACT.fullmatch(str(key)) for key in value)
    return [value] if isinstance(value, dict) and (is_item(value) or is_numbered) else None


def find_list(
    value: object, names: Sequence[str], is_item: Callable[[object], bool], *, max_depth: int = 3
) -> list[object] | None:
    """Return the list that `value` has under one of `names`, at most two levels down, `None` for none."""
    fields = normalised_fields(value)
    if max_depth == 0 or not isinstance(value, (dict, list)) or _is_schema(fields):
        return None
    if names[0] in fields:
        return _as_list(fields[names[0]], names, is_item, max_depth=max_depth)
    if is_item(value):
        return None
    for name in names[1:]:
        content = fields.get(name)
        if isinstance(content, list):
            return content
    children = map(_decode, fields.values() if isinstance(value, dict) else value)
    lists = [
        found for child in children if (found := find_list(child, names, is_item, max_depth=max_depth - 1)) is not None
    ]
    return [item for found in lists for item in found] if lists else None


def _as_list(
    content: object, names: Sequence[str], is_item: Callable[[object], bool], *, max_depth: int
) -> list[object] | None:
    content = _decode(content)
    if isinstance(content, list):
        return content
    if content is None:
        return []
    if isinstance(content, dict):
        if _is_schema(content):
            return None
        deeper = find_list(content, names, is_item, max_depth=max_depth - 1)
        if deeper is not None:
            return deeper
        if all(_NUMBERED_KEY.fullmatch(str(key)) for key in content):  # {"0": {...}, "fact2": "..."}
            return list(content.values())
    return [content]


def flatten(items: Iterable[object]) -> Iterator[object]:
    """Yield the entries of a list, those that were written as one object, or as text, one by one."""
    for item in items:
        decoded = _decode(item)
        if isinstance(decoded, Repeated):
            yield from decoded
        else:
            yield decoded


def statements(item: object) -> list[object]:
    """Return an entry as entries that say one thing each: a dictionary of statements or properties becomes several.

    >>> statements({"fact1": "Likes tea", "city": "Porto", "languages": ["French", "Greek"]})
    ['Likes tea', 'city: Porto', 'languages: French, Greek']
    """
    fields = normalised_fields(item)
    if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
        return [one for inner in item for one in statements(inner)]
    if not fields or fields.keys() & _ENTRY_KEYS or _is_schema(fields):
        return [item]
    found = [one for key, value in fields.items() for one in _statements_under(key, value)]
    return found or [item]


def _statements_under(key: str, value: object) -> list[object]:
    value = _decode(value)
    if isinstance(value, dict):
        return statements(value)
    if isinstance(value, list):
        if all(isinstance(one, str) and not _is_statement(one) for one in value):
            return [_property(key, ", ".join(map(str, value)))] if value else []
        return [one for inner in value for one in (statements(inner) if isinstance(inner, dict) else [inner])]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [_property(key, str(value))]
    return [_property(key, value)] if isinstance(value, str) and value.strip() else []


def _property(key: str, value: str) -> str:
    """Return the value alone when it is a statement of its own, else as a note such as "city: Porto"."""
    is_alone = _NUMBERED_KEY.fullmatch(key) or isinstance(value, DamagedText) or is_placeholder(value)
    return value if is_alone or _is_statement(value) else f"{key.replace('_', ' ')}: {value}"


def _is_statement(text: str) -> bool:
    """Return whether a value is a statement, as in "Lives in Porto", and not a name, a thing or a number."""
    words = text.split()
    return len(words) > 1 and text[:1].isupper() and any(word[:1].islower() for word in words[1:])


def _decode(value: object) -> object:
    """Return the list or object in a text that is JSON once more; everything else unchanged."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        decoded = json.loads(value, strict=False)
    except (ValueError, RecursionError):
        return value
    is_readable = isinstance(decoded, dict) or (isinstance(decoded, list) and all(map(is_fact, decoded)))
    return decoded if is_readable else value


def _is_schema(fields: Mapping[Any, object]) -> bool:
    """Return whether an object is a JSON Schema, which some models send back."""
    return fields.get("type") in _SCHEMA_TYPES and any(key in fields for key in _SCHEMA_KEYS)


def is_fact(value: object) -> bool:
    """Return whether `value` can be read as a fact."""
    return isinstance(value, str) or read_text(normalised_fields(value), _TEXT_KEYS) is not None


def is_decision(value: object) -> bool:
    """Return whether `value` can be read as a decision."""
    fields = normalised_fields(value)
    return any(isinstance(fields.get(key), str) for key in EVENT_KEYS)


def read_fact(item: object, turns: int) -> Fact | Skipped:
    """Return the fact in an entry, or why it has none.

    Args:
        item: The entry.
        turns: How many turns the model was shown.

    >>> read_fact({"Text": "Likes tea", "turn": "#0"}, turns=1).turn
    0
    """
    fields: dict[str, object] = {"text": item} if isinstance(item, str) else normalised_fields(item)
    text = read_text(fields, _TEXT_KEYS)
    if text is None:
        return Skipped("not text", "", f"An entry is a {type(item).__name__} without a text.")
    by_assistant = str(fields.get("attributed_to")).strip().casefold() == "assistant"
    standing = (read_text(fields, ("standing",)) or "").casefold()
    fact = Fact(
        text,
        read_index(fields.get("turn"), turns),
        "assistant" if by_assistant else "user",
        standing if standing in _STANDING_VALUES else None,  # type: ignore[arg-type]
    )
    return check_text(text) or fact


def normalised_fields(value: object) -> dict[str, object]:
    """Return the fields of an object with stripped, case-folded names; none for any other value."""
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().casefold(): content for key, content in value.items()}


def read_text(fields: dict[str, object], keys: Sequence[str]) -> str | None:
    """Return the first text under one of `keys`, `None` if there is none."""
    text = next((content for key in keys if isinstance(content := fields.get(key), str)), None)
    return text if text is None or isinstance(text, DamagedText) else _clean(text)


def _clean(text: str) -> str:
    # The store refuses NUL and lone surrogates, and no fact needs them.
    text = text.replace("\0", "").strip()
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def check_text(text: str) -> Skipped | None:
    """Return why `text` cannot be a memory, `None` if it can."""
    if isinstance(text, DamagedText):
        return Skipped("damaged", str(text), "Its quotation marks are broken: a part may be missing.")
    if not any(character.isalnum() for character in text):
        return Skipped("blank", text)
    if len(text) > MAX_TEXT_LENGTH:
        return Skipped("too long", text, f"It has {len(text)} characters; a fact has at most {MAX_TEXT_LENGTH}.")
    if is_placeholder(text):
        return Skipped("placeholder", text, "It repeats the form of the answer, or says that there is nothing.")
    return None


def read_number(value: object) -> int | None:
    """Return the whole number that `value` is or spells, `None` if it does not.

    >>> [read_number(value) for value in (0, 1.0, "2", "M3", "#4", "[5]", True, "six")]
    [0, 1, 2, 3, 4, 5, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(match.group(1)) if match else None


def read_index(value: object, count: int) -> int | None:
    """Return the index below `count` that `value` is or spells, else `None`."""
    number = read_number(value)
    return number if number is not None and 0 <= number < count else None
