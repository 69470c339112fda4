"""Which scope a filter speaks of, and how a scope becomes a filter."""

from __future__ import annotations

from holdfast.filters.tree import And, Comparison, Filter, Not, conjunction
from holdfast.scope import SCOPE_FIELDS, Scope

_BINDING = ("eq", "in", "*")


def scope_filter(scope: Scope, *, actor_id: str | None = None) -> Filter:
    """Return the filter for exactly the ids given, taken literally (`"*"` too).

    A scope without any id gives the filter that holds for every memory: ask `names_scope` before using it
    alone.
    """
    ids = scope.ids() if actor_id is None else {**scope.ids(), "actor_id": actor_id}
    return conjunction(Comparison(field, "eq", value) for field, value in ids.items())


def both(left: Filter, right: Filter) -> Filter:
    """Return the filter that holds when `left` and `right` both do."""
    return conjunction((left, right))


def names_scope(tree: Filter) -> bool:
    """Return whether every memory that `tree` can match is bound by an id that names a scope.

    `eq`, `in` and `"*"` on `user_id`, `agent_id`, `run_id` or `app_id` bind; what is excluded never does.
    """
    if isinstance(tree, Comparison):
        return tree.field in SCOPE_FIELDS and tree.operator in _BINDING
    if isinstance(tree, Not):
        return False
    if isinstance(tree, And):
        return any(names_scope(child) for child in tree.children)
    return bool(tree.children) and all(names_scope(child) for child in tree.children)


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
