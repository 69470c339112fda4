"""The checked form of a filter: a frozen tree, and the fields and values its leaves speak of."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

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
"""What a filter can ask of every memory, and the kind of value each field holds."""

METADATA = "metadata."
"""How the canonical name of a metadata key begins."""


@dataclass(frozen=True, slots=True)
class And:
    """Holds when every child holds; without children, always."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Holds when one of the children holds; without children, never."""

    children: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the child does not."""

    child: Filter


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question about one field. It never holds for a field that is missing or null.

    Attributes:
        field: A name in `CORE_FIELDS`, or `metadata.` and a dotted path.
        operator: `"*"` asks only whether the field is present.
        value: A tuple for `in` and `nin`, `None` for `"*"`, else one value; microseconds since 1970 for
            date fields. Python holds `True` and `1` equal, so comparisons that are `==` may still differ.
    """

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    @property
    def kind(self) -> Kind:
        """What the field holds."""
        return CORE_FIELDS.get(self.field, "metadata")

    @property
    def path(self) -> list[str]:
        """The keys that lead to a metadata value, outermost first."""
        return self.field[len(METADATA) :].split(".")

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values compared with: several for `in` and `nin`, none for `"*"`, else one."""
        if isinstance(self.value, tuple):
            return self.value
        return () if self.value is None else (self.value,)


Filter = And | Or | Not | Comparison

MATCH_ALL = And(())
"""The filter that holds for every memory."""


def conjunction(children: Iterable[Filter]) -> Filter:
    """Return the filter that holds when all `children` do, nested conjunctions made flat."""
    flat: list[Filter] = []
    for child in children:
        flat.extend(child.children if isinstance(child, And) else (child,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


_BINDING = ("eq", "in", "*")


def scope_filter(scope: Scope, *, actor_id: str | None = None) -> Filter:
    """Return the filter for exactly the ids given, taken literally (`"*"` too).

    A scope without any id gives the filter that holds for every memory: ask `is_scoped` before using it
    alone.
    """
    ids = scope.ids() if actor_id is None else {**scope.ids(), "actor_id": actor_id}
    return conjunction(Comparison(field, "eq", value) for field, value in ids.items())


def join_filters(left: Filter, right: Filter) -> Filter:
    """Return the filter that holds when `left` and `right` both do."""
    return conjunction((left, right))


def is_scoped(tree: Filter) -> bool:
    """Return whether every memory that `tree` can match is bound by an id that names a scope.

    `eq`, `in` and `"*"` on `user_id`, `agent_id`, `run_id` or `app_id` bind; what is excluded never does.
    """
    if isinstance(tree, Comparison):
        return tree.field in SCOPE_FIELDS and tree.operator in _BINDING
    if isinstance(tree, Not):
        return False
    if isinstance(tree, And):
        return any(is_scoped(child) for child in tree.children)
    return bool(tree.children) and all(is_scoped(child) for child in tree.children)


def split_scope(tree: Filter) -> tuple[dict[str, str], Filter | None]:
    """Return the scope ids `tree` fixes by equality, by field name, and what else it asks.

    The second part is `None` when nothing else is asked. A second, different value for the same id stays
    in it, so that the two together match nothing.
    """
    ids: dict[str, str] = {}
    rest: list[Filter] = []
    for child in tree.children if isinstance(tree, And) else (tree,):
        fixed = _fixed_id(child)
        if fixed is None or ids.setdefault(*fixed) != fixed[1]:
            rest.append(child)
    return ids, conjunction(rest) if rest else None


def _fixed_id(tree: Filter) -> tuple[str, str] | None:
    if not isinstance(tree, Comparison) or tree.operator != "eq" or tree.field not in SCOPE_FIELDS:
        return None
    return (tree.field, tree.value) if isinstance(tree.value, str) else None
