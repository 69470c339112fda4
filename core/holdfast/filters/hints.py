"""What the filters of other libraries look like, and how to say the same here.

Read as they are, most of them are conditions on metadata keys that no memory has: the search would find nothing, and
nobody would know why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOGIC = {
    "$and": "AND",
    "$or": "OR",
    "$not": "NOT",
    "$nor": "NOT",
    "must": "AND",
    "filter": "AND",
    "filters": "AND",
    "conditions": "AND",
    "where": "AND",
    "should": "OR",
    "must_not": "NOT",
}
_OPERATORS = {
    "=": "eq",
    "==": "eq",
    "is": "eq",
    "equals": "eq",
    "equal": "eq",
    "exact": "eq",
    "match": "eq",
    "term": "eq",
    "value": "eq",
    "!=": "ne",
    "<>": "ne",
    "neq": "ne",
    "not": "ne",
    "not_equals": "ne",
    ">": "gt",
    ">=": "gte",
    "ge": "gte",
    "<": "lt",
    "<=": "lte",
    "le": "lte",
    "any": "in",
    "any_of": "in",
    "one_of": "in",
    "terms": "in",
    "not_in": "nin",
    "none": "nin",
    "like": "icontains",
    "ilike": "icontains",
    "iexact": "icontains",
    "text": "icontains",
    "text_match": "icontains",
    "substring": "contains",
    "includes": "contains",
}
_MOST_SHOWN = 60  # characters
_DOLLAR_WORD = re.compile(r"\$[A-Za-z_]+\Z")
_PRESENCE = ("exists", "isnull", "is_null", "is_empty", "not_null")
_RANGES = ("range", "between")
_FIELD_NAMES = ("key", "field", "name", "column", "attribute")
_OPERAND_NAMES = ("operator", "op", "match", "range", "comparator")


def operator_hint(field: str, name: object, operators: Sequence[str]) -> str | None:
    """Return how to write the operator that another library calls `name`, `None` for an unknown one.

    >>> operator_hint("year", "$gte", ["gte"])
    "write {'year': {'gte': ...}}"
    """
    if not isinstance(name, str):
        return None
    word = name.removeprefix("$").lower()
    if word in _RANGES:
        return f"write {{{field!r}: {{'gte': ..., 'lte': ...}}}}"
    if word in _PRESENCE:
        return f"write {{{field!r}: '*'}} for its presence, {{'NOT': {{{field!r}: '*'}}}} for its absence"
    known = word if word in operators else _OPERATORS.get(word)
    return f"write {{{field!r}: {{{known!r}: ...}}}}" if known else None


def key_hint(key: str, operators: Sequence[str]) -> str | None:
    """Return how to write a key that is an operator elsewhere, `None` for a key of metadata.

    >>> key_hint("$or", ["gt"]), key_hint("year__gt", ["gt"]), key_hint("year", ["gt"])
    ("write {'OR': [...]}", "write {'year': {'gt': ...}}", None)
    """
    if _DOLLAR_WORD.match(key):
        word = _LOGIC.get(key.lower())
        if word:
            return f"write {{{word!r}: [...]}}"
        return operator_hint("year", key, operators) or "operators are written without $, below the key they compare"
    field, _, word = key.rpartition("__")
    if field and word.isascii():
        return operator_hint(field, word, operators) if word not in ("value", "text", "none", "any", "is") else None
    return None


def shape_hint(mapping: Mapping[object, object]) -> str | None:
    """Return how to write a condition that another library spells out, such as `{"key", "operator", "value"}`.

    >>> shape_hint({"field": "city", "operator": "==", "value": "Oslo"})
    "write {'city': {'eq': 'Oslo'}}, without the names of the parts"
    """
    names = [name for name in _FIELD_NAMES if isinstance(mapping.get(name), str)]
    operands = [name for name in _OPERAND_NAMES if name in mapping]
    if len(mapping) not in (2, 3) or not names or not operands or not set(mapping) <= {*names, *operands, "value"}:
        return None
    if len(mapping) == 2 and not isinstance(mapping[operands[0]], Mapping):  # noqa: PLR2004 - a key and its match
        return None
    field, operator, value = mapping[names[0]], mapping[operands[0]], mapping.get("value")
    known = _OPERATORS.get(operator.lower(), operator.lower()) if isinstance(operator, str) else "eq"
    if len(str(field)) > _MOST_SHOWN:
        return None
    shown = repr(value) if isinstance(value, (str, bool, float)) and len(repr(value)) <= _MOST_SHOWN else "..."
    return f"write {{{field!r}: {{{known!r}: {shown}}}}}, without the names of the parts"


def list_hint(key: str) -> str | None:
    """Return how to write a list of conditions that is under `key`, `None` if `key` is no logic word elsewhere.

    >>> list_hint("should"), list_hint("cities")
    ("write {'OR': [...]}, around conditions such as {'city': 'Oslo'}", None)
    """
    word = _LOGIC.get(key.lower())
    return f"write {{{word!r}: [...]}}, around conditions such as {{'city': 'Oslo'}}" if word else None
