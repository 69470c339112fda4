"""Encode namespaces as text, so that different namespaces never collide and a prefix can be searched for."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.store.base import (
    InvalidNamespaceError,
    MatchCondition,
)

from holdfast import InvalidInput

Namespace = tuple[str, ...]

MAX_PATH = 1_000
"""The maximum length of an encoded namespace, in characters."""

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", ">": "%3E"})


def namespace_label(text: str) -> str:
    """Return any text, such as an e-mail address, as a label that LangGraph accepts in a namespace.

    LangGraph refuses labels that are empty or hold a period or a NUL. Different texts give different labels.

    >>> namespace_label("ana@example.com")
    'ana@example%2Ecom'
    """
    return text.replace("%", "%25").replace(".", "%2E").replace("\0", "%00") or "%"


def to_path(namespace: Namespace) -> str:
    """Return a namespace as text. The text of a prefix occurs at its beginning and nowhere else.

    >>> to_path(("users", "ana"))
    '>users/ana/'

    Raises:
        InvalidInput: The text is longer than 1,000 characters.
    """
    path = ">" + "".join(f"{label.translate(_ESCAPES)}/" for label in namespace)
    if len(path) > MAX_PATH:
        raise InvalidInput(f"the namespace has {len(path):,} characters: at most {MAX_PATH:,} can be stored")
    return path


def matches_conditions(namespace: Namespace, conditions: Sequence[MatchCondition]) -> bool:
    """Return whether a namespace matches all `conditions`; the label `"*"` in a condition matches any label."""
    return all(_matches(namespace, condition) for condition in conditions)


def find_common_prefix(conditions: Sequence[MatchCondition]) -> Namespace:
    """Return the labels with which every namespace that matches `conditions` begins."""
    paths = [tuple(condition.path) for condition in conditions if condition.match_type == "prefix"]
    path = paths[0] if paths else ()
    return path[: path.index("*")] if "*" in path else path


def _matches(namespace: Namespace, condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if condition.match_type not in ("prefix", "suffix"):
        raise InvalidInput(f"match_type is {condition.match_type!r}: use 'prefix' or 'suffix'")
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return len(part) == len(path) and all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))


def check_namespace(namespace: Sequence[str]) -> Namespace:
    """Return a namespace as a tuple.

    Raises:
        InvalidNamespaceError: A label is not text, is empty, or holds a period or a NUL.
    """
    for label in namespace:
        if not isinstance(label, str) or not label or "." in label or "\0" in label:
            raise InvalidNamespaceError(
                f"the label {label!r} in {namespace!r} cannot be used: a label is text, not empty, without period and"
                " NUL; holdfast_langgraph.namespace_label turns any text into one"
            )
    return tuple(namespace)
