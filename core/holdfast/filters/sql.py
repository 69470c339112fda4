"""Compile a filter to one SQL expression over the `memories` table, for SQLite 3.37 and later.

The text never contains a value or a key: all are bound, including metadata paths. The expression is true for the
memories that match; for all others it is 0 or NULL, which `WHERE`, `AND` and `OR` treat alike. Only `IS NOT TRUE`
may negate it, never a bare `NOT`.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from holdfast.filters.tree import And, Comparison, Not
from holdfast.filters.values import fold_case, has_member, to_instant, to_number, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from holdfast.filters.tree import Filter, Operator, Scalar

SqlValue = str | int | float

_SYMBOLS: Mapping[Operator, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_MAX_CHAIN_LENGTH = 8

# JSON escapes these, and older SQLite compares keys in their escaped form. It has no escape for a quote in a path.
_UNSAFE_IN_PATHS = re.compile(r'["\\\x00-\x1f\x7f-\x9f]|^$')


class _Sql(NamedTuple):
    """A piece of SQL and the values bound in it, in order."""

    text: str
    values: Sequence[SqlValue] = ()


def to_sql(tree: Filter) -> tuple[str, list[SqlValue]]:
    """Return the SQL expression that is true for the memories that match `tree`, and its bound values in order.

    Conditions joined by the outermost AND keep their order: SQLite tests them in it where no index applies.

    >>> from holdfast.filters.parse import parse_filter
    >>> to_sql(parse_filter({"user_id": "ana", "created_at": {"gte": "1970-01-01T00:00:01Z"}}))
    ('(user_id = ? AND created_at >= ?)', ['ana', 1000000])
    """
    if isinstance(tree, And):
        sql = _join([_expression(child) for child in tree.children], " AND ", empty="TRUE")
    else:
        sql = _expression(tree)
    return sql.text, list(sql.values)


def _expression(tree: Filter) -> _Sql:
    if isinstance(tree, Comparison):
        return _comparison(tree)
    if isinstance(tree, Not):
        return _is_not_true(_expression(tree.child))
    # SQLite's parser before 3.46 stacks at most 100 symbols: one for each group that opens an expression,
    # three for a later one. With the longest first, a later one is at most half of its parent.
    children = sorted(map(_expression, tree.children), key=lambda child: len(child.text), reverse=True)
    if isinstance(tree, And):
        return _join(children, " AND ", empty="TRUE")
    return _join(children, " OR ", empty="FALSE")


def _join(parts: Sequence[_Sql], word: str, *, empty: str) -> _Sql:
    """Join `parts` in short chains: SQLite limits an expression to a depth of 1000, and every `AND` adds one."""
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return parts[0] if parts else _Sql(empty)
    rest = list(parts[1:])
    while len(rest) > _MAX_CHAIN_LENGTH:
        rest = [
            _group(rest[start : start + _MAX_CHAIN_LENGTH], word) for start in range(0, len(rest), _MAX_CHAIN_LENGTH)
        ]
    return _group([parts[0], *rest], word)


def _group(parts: Sequence[_Sql], word: str) -> _Sql:
    text = word.join(part.text for part in parts)
    return _Sql(f"({text})", [value for part in parts for value in part.values])


def _is_not_true(sql: _Sql) -> _Sql:
    return _Sql(f"({sql.text}) IS NOT TRUE", sql.values)


def _comparison(comparison: Comparison) -> _Sql:
    subject, operator, values = _subject(comparison), comparison.operator, comparison.values
    if operator == "*":
        return subject.is_present()
    if operator in _SYMBOLS:
        return subject.is_ordered(_SYMBOLS[operator], values[0])
    if operator in ("contains", "icontains"):
        return subject.contains(values[0], fold=operator == "icontains")
    equal = subject.is_among(values) if values else _Sql("FALSE")
    if operator in ("eq", "in"):
        return equal
    return _group([subject.is_present(), _is_not_true(equal)], " AND ")


class _Subject(Protocol):
    """The left side of a comparison. Each method returns an expression that is true, 0 or NULL."""

    def is_present(self) -> _Sql: ...
    def is_among(self, values: Sequence[Scalar]) -> _Sql: ...
    def is_ordered(self, symbol: str, value: Scalar) -> _Sql: ...
    def contains(self, value: Scalar, *, fold: bool) -> _Sql: ...


def _subject(comparison: Comparison) -> _Subject:
    if comparison.kind == "metadata":
        return _Metadata(comparison.path)
    if comparison.kind == "categories":
        return _Categories()
    if comparison.field == "expiration_date":
        return _Column("holdfast_instant(expiration_date)")
    return _Column(comparison.field)


class _Column:
    """A column, or an expression, with a single value."""

    def __init__(self, name: str) -> None:
        self._name = name

    def is_present(self) -> _Sql:
        return _Sql(f"{self._name} IS NOT NULL")

    def is_among(self, values: Sequence[Scalar]) -> _Sql:
        return _is_among(_Sql(self._name), values)

    def is_ordered(self, symbol: str, value: Scalar) -> _Sql:
        return _Sql(f"{self._name} {symbol} ?", [value])

    def contains(self, value: Scalar, *, fold: bool) -> _Sql:
        if fold:
            return _Sql(f"instr(holdfast_casefold({self._name}), ?) > 0", [_fold(value)])
        return _Sql(f"instr({self._name}, ?) > 0", [value])


class _Categories:
    """The list of categories; a comparison holds if it does for one of them."""

    def is_present(self) -> _Sql:
        return _Sql("json_array_length(categories) > 0")

    def is_among(self, values: Sequence[Scalar]) -> _Sql:
        return self._any_member(_is_among(_Sql("value"), values))

    def is_ordered(self, symbol: str, value: Scalar) -> _Sql:  # noqa: ARG002 - the parser refuses it
        return _Sql("FALSE")

    def contains(self, value: Scalar, *, fold: bool) -> _Sql:
        if fold:
            return self._any_member(_Sql("holdfast_casefold(value) = ?", [_fold(value)]))
        return self.is_among([value])

    def _any_member(self, condition: _Sql) -> _Sql:
        text = f"EXISTS (SELECT 1 FROM json_each(categories) WHERE {condition.text})"
        return _Sql(text, condition.values)


class _Metadata:
    """The value at a path in the metadata, which may have any JSON type."""

    _TYPE = "json_type(metadata, ?)"
    _TEXT = f"CASE {_TYPE} WHEN 'text' THEN json_extract(metadata, ?) END"
    _INSTANT = f"CASE {_TYPE} WHEN 'text' THEN holdfast_instant(json_extract(metadata, ?)) END"
    # SQLite does not parse every real number as Python does: 3.43 misses the last bit of some, 3.51 of one double in
    # six. Asked for two paths, it returns the digits as written, for Python to parse.
    _NUMBER = (
        f"CASE {_TYPE} WHEN 'integer' THEN json_extract(metadata, ?)"
        " WHEN 'real' THEN holdfast_real(json_extract(metadata, ?, ?)) END"
    )

    def __init__(self, path: Sequence[str]) -> None:
        self._keys = _to_json(path) if any(map(_UNSAFE_IN_PATHS.search, path)) else None
        self._path = "$.value" if self._keys else "$" + "".join(f'."{key}"' for key in path)

    def is_present(self) -> _Sql:
        return self._at(f"{self._TYPE} <> 'null'")

    def is_among(self, values: Sequence[Scalar]) -> _Sql:
        texts = [value for value in values if isinstance(value, str)]
        booleans = ["true" if value else "false" for value in values if isinstance(value, bool)]
        numbers = [number for number in map(to_number, values) if number is not None]
        by_type = ((self._TEXT, texts), (self._TYPE, booleans), (self._NUMBER, numbers))
        parts = [_is_among(self._at(subject), some) for subject, some in by_type if some]
        return _join(parts, " OR ", empty="FALSE")

    def is_ordered(self, symbol: str, value: Scalar) -> _Sql:
        bound = to_instant(value) if isinstance(value, str) else to_number(value)
        if bound is None:
            return _Sql("FALSE")
        text, values = self._at(self._INSTANT if isinstance(value, str) else self._NUMBER)
        return _Sql(f"{text} {symbol} ?", [*values, bound])

    def contains(self, value: Scalar, *, fold: bool) -> _Sql:
        # The JSON text of a list can be case-folded as a whole: no escape and no number in it has capital letters.
        stored = self._at("json_extract(metadata, ?)")
        if fold:
            stored = stored._replace(text=f"holdfast_casefold({stored.text})")
        searched = _fold(value) if fold else value
        kind = self._at(self._TYPE)
        text, values = f"CASE {kind.text}", list(kind.values)
        if isinstance(searched, str):
            text += f" WHEN 'text' THEN instr({stored.text}, ?) > 0"
            values += [*stored.values, searched]
        text += f" WHEN 'array' THEN holdfast_member({stored.text}, ?) END"
        return _Sql(text, [*values, *stored.values, _to_json(searched)])

    def _at(self, text: str) -> _Sql:
        if self._keys is None:
            return _Sql(text, [self._path] * text.count("?"))
        _, *parts = text.split("metadata")
        values = [value for part in parts for value in (self._keys, *[self._path] * part.count("?"))]
        return _Sql(text.replace("metadata", "holdfast_value_at(metadata, ?)"), values)


def _is_among(subject: _Sql, values: Sequence[Scalar]) -> _Sql:
    """Return whether `subject` is one of `values`. A list is bound as one value: SQLite limits their number."""
    if len(values) == 1:
        return _Sql(f"{subject.text} = ?", [*subject.values, values[0]])
    members, member = values, "value"
    if any(isinstance(value, float) for value in values):
        members = [repr(value) if isinstance(value, float) else value for value in values]
        member = "CASE type WHEN 'text' THEN holdfast_real(value) ELSE value END"
    text = f"{subject.text} IN (SELECT {member} FROM json_each(?))"
    return _Sql(text, [*subject.values, _to_json(members)])


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fold(value: Scalar) -> Any:
    return fold_case(value)


def _parse_real(text: str) -> float:
    """Return the number in `0.5`, or in `[0.5,0.5]` as SQLite returns it for two paths."""
    return float(text.strip("[]").partition(",")[0])


def _value_at(metadata: str, keys: str) -> str:
    """Return the value at a path of keys, in an object of its own."""
    return _to_json({"value": value_at(json.loads(metadata), json.loads(keys))})


def _is_member(members: str, wanted: str) -> bool:
    return has_member(json.loads(members), json.loads(wanted))


SQL_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = MappingProxyType(
    {
        "holdfast_casefold": (1, fold_case),
        "holdfast_instant": (1, to_instant),
        "holdfast_real": (1, _parse_real),
        "holdfast_member": (2, _is_member),
        "holdfast_value_at": (2, _value_at),
    }
)
"""Deterministic functions that the store must register, by name: the number of arguments and the function."""
