r"""Filters: a small query language, parsed once, then run as SQL or as a Python test with the same meaning.

    {"user_id": "alice", "OR": [{"categories": "travel"}, {"address.city": "Oslo"}]}

- `AND` (a list) matches when all its members match, `OR` when one does, `NOT` (a mapping or a list) when none does.
  Siblings in one mapping are ANDed. The empty mapping matches every memory.
- A field's condition is a bare value (`eq`), a bare list (`in`), `"*"` (present and not null), or a mapping of
  operators that must all match: `eq ne in nin gt gte lt lte contains icontains`.
- Fields are the attributes in `CORE_FIELDS`, with `memory_ids` for `id` and `keywords` for `text`. Every other name is
  a metadata key: `city`, `metadata.city`, dotted for nesting, or nested under `metadata`. There, a mapping of operators
  is a condition, a mapping without any operator goes one level deeper, and a mixture is an error. A key named like a
  core field, a logic word or (nested) an operator is written `metadata.that_name`.
- A key with a dot in it is written in quotes: `metadata."a.b"`, `metadata.'a.b'` or `metadata["a.b"]`. Between quotes
  every character is the key's own; `\` keeps a quote of the same kind, or a `\`. Blanks, brackets and letters of any
  script need no quotes.
- A missing or null field matches no operator, not even `ne` and `nin`; `NOT` is plain negation.
- Values have the form in which metadata stores them: dates and times ISO-8601 (`datetime` in UTC), UUIDs and paths
  text, `Decimal` and NumPy's scalars numbers, members of an `Enum` their values. A set is a list.
- Words of other libraries (`$or`, `{"$gt": 3}`, `must`, `year__gt`) are refused with the way to say it here.
- `true` is not `1`, `1` is `1.0`, `"1"` is neither. `gt … lte` compare numbers with numbers and dates with dates (a
  date without a time is the start of that day, UTC). `contains` finds a substring of a text or a member of a list;
  `icontains` ignores case. For categories, `eq` and `in` match when one of the memory's categories is named, `ne` and
  `nin` when it has categories and none is named.
"""

from holdfast.filters.parse import parse_filter
from holdfast.filters.predicate import to_predicate
from holdfast.filters.sql import SQL_FUNCTIONS, SqlValue, to_sql
from holdfast.filters.tree import (
    CORE_FIELDS,
    MATCH_ALL,
    And,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Scalar,
    is_scoped,
    join_filters,
    scope_filter,
    split_scope,
)

__all__ = [
    "CORE_FIELDS",
    "MATCH_ALL",
    "SQL_FUNCTIONS",
    "And",
    "Comparison",
    "Filter",
    "Not",
    "Operator",
    "Or",
    "Scalar",
    "SqlValue",
    "is_scoped",
    "join_filters",
    "parse_filter",
    "scope_filter",
    "split_scope",
    "to_predicate",
    "to_sql",
]
