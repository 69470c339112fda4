"""From values to entries: the facts and decisions in them, under whatever names the model gave them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from holdfast.extraction.facts import Fact, Skipped

MAX_TEXT_LENGTH = 5000
"""Most characters of a fact; a longer one is a copied document."""

# The first name is the one asked for; the others are what models and custom prompts make of it.
FACT_LISTS = ("facts", "fact", "memories", "memory", "results", "items", "data")
DECISION_LISTS = ("decisions", "memory", "memories", "actions", "operations", "results", "data")
_TEXT_KEYS = ("text", "fact", "memory", "content", "data", "value")
_STANDING = ("profile", "preference", "instruction", "none")
EVENT_KEYS = ("event", "action", "operation", "decision")


class Damaged(str):
    """A text that a repair has perhaps cut in pieces."""

    __slots__ = ()


def listed(
    value: object, names: Sequence[str], is_item: Callable[[object], bool], *, depth: int = 3
) -> list[object] | None:
    """Return the list that `value` holds under one of `names`, at most two levels down."""
    fields = fields_of(value)
    if depth == 0 or not isinstance(value, (dict, list)):
        return None
    if names[0] in fields:
        return _as_list(fields[names[0]], names, is_item, depth=depth)
    if is_item(value):
        return None
    for name in names[1:]:
        content = fields.get(name)
        if isinstance(content, list):
            return content
    inner = fields.values() if isinstance(value, dict) else value
    lists = [found for one in inner if (found := listed(one, names, is_item, depth=depth - 1)) is not None]
    return [item for found in lists for item in found] if lists else None


def _as_list(content: object, names: Sequence[str], is_item: Callable[[object], bool], *, depth: int) -> list[object]:
    if isinstance(content, list):
        return content
    if content is None:
        return []
    if isinstance(content, dict):
        deeper = listed(content, names, is_item, depth=depth - 1)
        if deeper is not None:
            return deeper
        if all(number_in(key) is not None for key in content):
            return list(content.values())
    return [content]


def entries(value: object, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
    """Return the entries `value` holds: listed under a name, a bare list, or itself one."""
    found = listed(value, names, is_item)
    if found is not None:
        return found
    if isinstance(value, list) and (not value or any(is_item(item) for item in value)):
        return value
    return [value] if isinstance(value, dict) and is_item(value) else None


def is_fact(value: object) -> bool:
    """Return whether `value` can be read as a fact."""
    return isinstance(value, str) or text_under(fields_of(value), _TEXT_KEYS) is not None


def is_decision(value: object) -> bool:
    """Return whether `value` can be read as a decision."""
    fields = fields_of(value)
    return any(isinstance(fields.get(key), str) for key in EVENT_KEYS)


def fields_of(value: object) -> dict[str, object]:
    """Return the fields of an object by case-folded name, none for anything else."""
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().casefold(): content for key, content in value.items()}


def text_under(fields: dict[str, object], keys: Sequence[str]) -> str | None:
    """Return the first text that stands under one of `keys`, `None` for none."""
    text = next((content for key in keys if isinstance(content := fields.get(key), str)), None)
    return text if text is None or isinstance(text, Damaged) else _clean(text)


def _clean(text: str) -> str:
    # No file can keep NUL or half of a surrogate pair, and no fact needs them.
    text = text.replace("\0", "").strip()
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def refusal(text: str) -> Skipped | None:
    """Return why `text` cannot be a memory, `None` if it can."""
    if isinstance(text, Damaged):
        return Skipped("damaged", str(text), "Its quotation marks are broken: a part may be missing.")
    if not any(character.isalnum() for character in text):
        return Skipped("blank", text)
    if len(text) > MAX_TEXT_LENGTH:
        return Skipped("too long", text, f"It has {len(text)} characters; a fact has at most {MAX_TEXT_LENGTH}.")
    return None


_NUMBER = re.compile(r"[a-z#\[(]{0,3}\s*(-?\d{1,9})(?:\.0*)?[\])]?", re.IGNORECASE | re.ASCII)


def number_in(value: object) -> int | None:
    """Return the whole number that `value` is or spells: `0`, `0.0`, `"0"`, `"M0"`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    spelled = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(spelled.group(1)) if spelled else None


def index_in(value: object, count: int) -> int | None:
    """Return the index below `count` that `value` is or spells, else `None`."""
    number = number_in(value)
    return number if number is not None and 0 <= number < count else None


def fact_in(item: object, turns: int) -> Fact | Skipped:
    """Return the fact that an entry tells, or why there is none."""
    fields: dict[str, object] = {"text": item} if isinstance(item, str) else fields_of(item)
    text = text_under(fields, _TEXT_KEYS)
    if text is None:
        return Skipped("not text", "", f"An entry is a {type(item).__name__} without a text.")
    by_assistant = str(fields.get("attributed_to")).strip().casefold() == "assistant"
    standing = (text_under(fields, ("standing",)) or "").casefold()
    fact = Fact(
        text,
        index_in(fields.get("turn"), turns),
        "assistant" if by_assistant else "user",
        standing if standing in _STANDING else None,  # type: ignore[arg-type]
    )
    return refusal(text) or fact
