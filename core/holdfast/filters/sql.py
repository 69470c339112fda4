"""A filter as one SQL expression over the `memories` table, for SQLite 3.37 and later.

No value and no key ever stands in the text: all are bound, metadata paths too. The expression is true for
the memories that match; for the others it is 0 or NULL, which `WHERE`, `AND` and `OR` take alike. Only
`IS NOT TRUE`, never a bare `NOT`, may negate it.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from holdfast.filters.tree import And, Comparison, Not
from holdfast.filters.values import folded, has_member, instant_in, number_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from holdfast.filters.tree import Filter, Operator, Scalar

SqlValue = str | int | float

_SYMBOLS: Mapping[Operator, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_CHAIN = 8


class _Sql(NamedTuple):
    """A piece of SQL and the values bound in it, in order."""

    text: str
    values: Sequence[SqlValue] = ()


def to_sql(tree: Filter) -> tuple[str, list[SqlValue]]:
    """Return the SQL expression that is true for the memories `tree` matches, and its values in order.

    Conditions joined by the outermost AND keep their order, in which SQLite tests what no index answers.
    """
    if isinstance(tree, And):
        sql = _joined([_expression(child) for child in tree.children], " AND ", empty="TRUE")
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
        return _joined(children, " AND ", empty="TRUE")
    return _joined(children, " OR ", empty="FALSE")


def _joined(parts: Sequence[_Sql], word: str, *, empty: str) -> _Sql:
    """Join `parts` in short chains, as SQLite allows expressions a depth of 1000 and every `AND` is one."""
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return parts[0] if parts else _Sql(empty)
    rest = list(parts[1:])
    while len(rest) > _CHAIN:
        rest = [_group(rest[start : start + _CHAIN], word) for start in range(0, len(rest), _CHAIN)]
    return _group([parts[0], *rest], word)


def _group(parts: Sequence[_Sql], word: str) -> _Sql:
    text = word.join(part.text for part in parts)
    return _Sql(f"({text})", [value for part in parts for value in part.values])


def _is_not_true(sql: _Sql) -> _Sql:
    return _Sql(f"({sql.text}) IS NOT TRUE", sql.values)


def _comparison(comparison: Comparison) -> _Sql:
    subject, asked, values = _subject(comparison), comparison.operator, comparison.values
    if asked == "*":
        return subject.present()
    if asked in _SYMBOLS:
        return subject.ordered(_SYMBOLS[asked], values[0])
    if asked in ("contains", "icontains"):
        return subject.containing(values[0], fold=asked == "icontains")
    equal = subject.among(values) if values else _Sql("FALSE")
    if asked in ("eq", "in"):
        return equal
    return _group([subject.present(), _is_not_true(equal)], " AND ")


class _Subject(Protocol):
    """What a comparison is about. Each answer is true, or else 0 or NULL."""

    def present(self) -> _Sql: ...
    def among(self, values: Sequence[Scalar]) -> _Sql: ...
    def ordered(self, symbol: str, value: Scalar) -> _Sql: ...
    def containing(self, value: Scalar, *, fold: bool) -> _Sql: ...


def _subject(comparison: Comparison) -> _Subject:
    if comparison.kind == "metadata":
        return _Metadata(comparison.path)
    if comparison.kind == "categories":
        return _Categories()
    if comparison.field == "expiration_date":
        return _Column("holdfast_instant(expiration_date)")
    return _Column(comparison.field)


class _Column:
    """A column with one value, or an expression of one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def present(self) -> _Sql:
        return _Sql(f"{self._name} IS NOT NULL")

    def among(self, values: Sequence[Scalar]) -> _Sql:
        return _among(_Sql(self._name), values)

    def ordered(self, symbol: str, value: Scalar) -> _Sql:
        return _Sql(f"{self._name} {symbol} ?", [value])

    def containing(self, value: Scalar, *, fold: bool) -> _Sql:
        if fold:
            return _Sql(f"instr(holdfast_casefold({self._name}), ?) > 0", [_folded(value)])
        return _Sql(f"instr({self._name}, ?) > 0", [value])


class _Categories:
    """The list of categories, of which some member is meant."""

    def present(self) -> _Sql:
        return _Sql("json_array_length(categories) > 0")

    def among(self, values: Sequence[Scalar]) -> _Sql:
        return self._some(_among(_Sql("value"), values))

    def ordered(self, symbol: str, value: Scalar) -> _Sql:  # noqa: ARG002 - the parser refuses it
        return _Sql("FALSE")

    def containing(self, value: Scalar, *, fold: bool) -> _Sql:
        if fold:
            return self._some(_Sql("holdfast_casefold(value) = ?", [_folded(value)]))
        return self.among([value])

    def _some(self, condition: _Sql) -> _Sql:
        text = f"EXISTS (SELECT 1 FROM json_each(categories) WHERE {condition.text})"
        return _Sql(text, condition.values)


class _Metadata:
    """The value at a path in the metadata, of any JSON type."""

    _TYPE = "json_type(metadata, ?)"
    _TEXT = f"CASE {_TYPE} WHEN 'text' THEN json_extract(metadata, ?) END"
    _INSTANT = f"CASE {_TYPE} WHEN 'text' THEN holdfast_instant(json_extract(metadata, ?)) END"
    # SQLite does not read every real as Python does (3.43 misses some in the last bit, 3.51 one in six of
    # all doubles). Asked for two paths it answers with the digits as written, for Python to read.
    _NUMBER = (
        f"CASE {_TYPE} WHEN 'integer' THEN json_extract(metadata, ?)"
        " WHEN 'real' THEN holdfast_real(json_extract(metadata, ?, ?)) END"
    )

    def __init__(self, path: Sequence[str]) -> None:
        self._path = "$" + "".join(f'."{key}"' for key in path)

    def present(self) -> _Sql:
        return self._at(f"{self._TYPE} <> 'null'")

    def among(self, values: Sequence[Scalar]) -> _Sql:
        texts = [value for value in values if isinstance(value, str)]
        booleans = ["true" if value else "false" for value in values if isinstance(value, bool)]
        numbers = [number for number in map(number_in, values) if number is not None]
        chosen = ((self._TEXT, texts), (self._TYPE, booleans), (self._NUMBER, numbers))
        parts = [_among(self._at(subject), some) for subject, some in chosen if some]
        return _joined(parts, " OR ", empty="FALSE")

    def ordered(self, symbol: str, value: Scalar) -> _Sql:
        bound = instant_in(value) if isinstance(value, str) else number_in(value)
        if bound is None:
            return _Sql("FALSE")
        text, values = self._at(self._INSTANT if isinstance(value, str) else self._NUMBER)
        return _Sql(f"{text} {symbol} ?", [*values, bound])

    def containing(self, value: Scalar, *, fold: bool) -> _Sql:
        # A list's JSON text can be folded as a whole: no escape and no number in it has capital letters.
        stored = "holdfast_casefold(json_extract(metadata, ?))" if fold else "json_extract(metadata, ?)"
        sought = _folded(value) if fold else value
        text = f"CASE {self._TYPE}"
        values: list[SqlValue] = [self._path]
        if isinstance(sought, str):
            text += f" WHEN 'text' THEN instr({stored}, ?) > 0"
            values += [self._path, sought]
        text += f" WHEN 'array' THEN holdfast_member({stored}, ?) END"
        return _Sql(text, [*values, self._path, _json(sought)])

    def _at(self, text: str) -> _Sql:
        return _Sql(text, [self._path] * text.count("?"))


def _among(subject: _Sql, values: Sequence[Scalar]) -> _Sql:
    """Ask whether `subject` is one of `values`. A list is bound as one value: SQLite limits their number."""
    if len(values) == 1:
        return _Sql(f"{subject.text} = ?", [*subject.values, values[0]])
    listed, member = values, "value"
    if any(isinstance(value, float) for value in values):
        listed = [repr(value) if isinstance(value, float) else value for value in values]
        member = "CASE type WHEN 'text' THEN holdfast_real(value) ELSE value END"
    text = f"{subject.text} IN (SELECT {member} FROM json_each(?))"
    return _Sql(text, [*subject.values, _json(listed)])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _folded(value: Scalar) -> Any:
    return folded(value)


def _real(text: str) -> float:
    """Read the number in `0.5` or, as SQLite answers two paths, `[0.5,0.5]`."""
    return float(text.strip("[]").partition(",")[0])


def _member(members: str, wanted: str) -> bool:
    return has_member(json.loads(members), json.loads(wanted))


SQL_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = MappingProxyType(
    {
        "holdfast_casefold": (1, folded),
        "holdfast_instant": (1, instant_in),
        "holdfast_real": (1, _real),
        "holdfast_member": (2, _member),
    }
)
"""Deterministic functions for the store to register: name → (argument count, function)."""
