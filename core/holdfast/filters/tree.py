"""The checked form of a filter: a frozen tree, and the fields and values its leaves speak of."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

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

EVERYTHING = And(())
"""The filter that holds for every memory."""


def conjunction(children: Iterable[Filter]) -> Filter:
    """Return the filter that holds when all `children` do, nested conjunctions made flat."""
    flat: list[Filter] = []
    for child in children:
        flat.extend(child.children if isinstance(child, And) else (child,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))
