"""The checked form of a filter: a frozen tree, and the fields that its leaves compare."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from holdfast.filters.keys import split_path
from holdfast.scope import SCOPE_FIELDS, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Operator = Literal["*", "eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "contains", "icontains"]
Scalar = str | int | float | bool
Kind = Literal["id", "text", "boolean", "date", "categories", "metadata"]

CORE_FIELDS: Mapping[str, Kind] = MappingProxyType(
    {
        "id": "id",
        "user_id": "id",
        "agent_id": "id",
        "run_id": "id",
        "app_id": "id",
        "actor_id": "id",
        "text": "text",
        "role": "text",
        "attributed_to": "text",
        "speaker": "text",
        "memory_type": "text",
        "standing": "text",
        "immutable": "boolean",
        "created_at": "date",
        "updated_at": "date",
        "recorded_at": "date",
        "expiration_date": "date",
        "categories": "categories",
    }
)
"""The fields that every memory has, with the kind of value each holds."""

METADATA = "metadata."
"""The prefix of the canonical name of a metadata key."""


@dataclass(frozen=True, slots=True)
class And:
    """Matches when every child matches; without children, always."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Matches when one of the children matches; without children, never."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Matches when the child does not."""

    child: Filter


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of one field with a value. It never matches a field that is missing or null.

    Attributes:
        field: A name in `CORE_FIELDS`, or `metadata.` and a path (see `split_path`).
        operator: `"*"` asks only whether the field is present.
        value: A tuple for `in` and `nin`, `None` for `"*"`, else one value; microseconds since 1970 for
            date fields. As `True == 1` in Python, comparisons that are `==` may still differ.
    """

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    @property
    def kind(self) -> Kind:
        """The kind of value that the field holds."""
        return CORE_FIELDS.get(self.field, "metadata")

    @property
    def path(self) -> tuple[str, ...]:
        """The keys of the path to a metadata value, outermost first."""
        return split_path(self.field[len(METADATA) :])

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values to compare with: several for `in` and `nin`, none for `"*"`, else one."""
        if isinstance(self.value, tuple):
            return self.value
        return () if self.value is None else (self.value,)


Filter = And | Or | Not | Comparison

MATCH_ALL = And(())
"""The filter that matches every memory."""


def conjunction(children: Iterable[Filter]) -> Filter:
    """Return the filter that matches when all `children` do; nested conjunctions are flattened."""
    flat: list[Filter] = []
    for child in children:
        flat.extend(child.children if isinstance(child, And) else (child,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def scope_filter(scope: Scope, *, actor_id: str | None = None) -> Filter:
    """Return the filter for exactly the given ids, taken literally (`"*"` too).

    A scope without any id gives the filter that matches every memory; check `is_scoped` before using it alone.

    >>> scope_filter(Scope(user_id="ana"))
    Comparison(field='user_id', operator='eq', value='ana')
    """
    ids = scope.ids() if actor_id is None else {**scope.ids(), "actor_id": actor_id}
    return conjunction(Comparison(field, "eq", value) for field, value in ids.items())


def join_filters(left: Filter, right: Filter) -> Filter:
    """Return the filter that matches when `left` and `right` both do."""
    return conjunction((left, right))


def is_scoped(tree: Filter) -> bool:
    """Return whether `tree` restricts every match to an id of a scope.

    `eq`, `in` and `"*"` on `user_id`, `agent_id`, `run_id` or `app_id` do; a negation never does.

    >>> is_scoped(Comparison("user_id", "eq", "ana")), is_scoped(Not(Comparison("user_id", "eq", "ana")))
    (True, False)
    """
    if isinstance(tree, Comparison):
        return tree.field in SCOPE_FIELDS and tree.operator in ("eq", "in", "*")
    if isinstance(tree, Not):
        return False
    if isinstance(tree, And):
        return any(is_scoped(child) for child in tree.children)
    return bool(tree.children) and all(is_scoped(child) for child in tree.children)


def split_scope(tree: Filter) -> tuple[dict[str, str], Filter | None]:
    """Return the scope ids that `tree` requires, by field name, and the rest of its conditions.

    The rest is `None` if there is none. A second, different value for the same id stays in it, so that the two
    together match nothing.

    >>> both = join_filters(Comparison("user_id", "eq", "ana"), Comparison("role", "eq", "user"))
    >>> split_scope(both)
    ({'user_id': 'ana'}, Comparison(field='role', operator='eq', value='user'))
    """
    ids: dict[str, str] = {}
    rest: list[Filter] = []
    for child in tree.children if isinstance(tree, And) else (tree,):
        required = _required_id(child)
        if required is None or ids.setdefault(*required) != required[1]:
            rest.append(child)
    return ids, conjunction(rest) if rest else None


def _required_id(tree: Filter) -> tuple[str, str] | None:
    if not isinstance(tree, Comparison) or tree.operator != "eq" or tree.field not in SCOPE_FIELDS:
        return None
    return (tree.field, tree.value) if isinstance(tree.value, str) else None
