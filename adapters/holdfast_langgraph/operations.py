"""Check the operations of a store before they are carried out, and say what is wrong in the caller's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from holdfast import InvalidFilter, InvalidInput
from holdfast_langgraph.items import FIELD, WHOLE
from holdfast_langgraph.namespaces import check_namespace

_STORED = re.compile(rf"metadata\['{FIELD}'\]\['(\w+)'\]|metadata\.{FIELD}\.value\.")


def check_operation(op: Op) -> Op:
    """Return `op` with its namespace as a tuple.

    Raises:
        InvalidNamespaceError: A label is not text, is empty, or holds a period or a NUL.
        InvalidInput: `op` is not an operation of a store, or a part of it has the wrong type.
    """
    if isinstance(op, SearchOp):
        _check_search(op)
        return op._replace(namespace_prefix=check_namespace(op.namespace_prefix))
    if isinstance(op, PutOp):
        if op.value is not None and not isinstance(op.value, Mapping):
            raise InvalidInput(f"the value of {op.key!r} is {type(op.value).__name__}: it must be a dictionary")
        if op.index is not None and op.index is not False:
            check_paths(op.index, name="index", otherwise="False to index nothing")
    if isinstance(op, (GetOp, PutOp)):
        return op._replace(namespace=check_namespace(op.namespace))
    if not isinstance(op, ListNamespacesOp):
        raise InvalidInput(f"{type(op).__name__} is not an operation of a store")
    for condition in op.match_conditions or ():
        check_namespace(condition.path)
    return op


def get_default_paths(index: Mapping[str, Any] | Literal[False] | None) -> list[str] | None:
    """Return the paths that the configuration of a store indexes, `None` if it turns the index off.

    LangGraph documents `fields` as the paths to index, the whole value by default. Without any path, only the items
    are indexed whose `put` names paths itself.

    Raises:
        InvalidInput: `index` is not such a configuration.
    """
    if index is False:
        return None
    if index is not None and not isinstance(index, Mapping):
        raise InvalidInput(f"index is {index!r}: give {{'fields': [...]}}, or False to index nothing")
    unknown = set(index or {}) - {"fields"}
    if unknown:
        raise InvalidInput(
            f"index names {', '.join(sorted(map(str, unknown)))}: only fields can be set here; choose the embedder when"
            " you open the memory, as in Memory(embedder=...)"
        )
    fields = (index or {}).get("fields")
    return [WHOLE] if fields is None else check_paths(fields, name="fields", otherwise="None for the whole value")


def check_paths(paths: object, *, name: str, otherwise: str) -> list[str]:
    """Return paths of a value as a list.

    Raises:
        InvalidInput: They are not a list of texts, or one is blank.
    """
    if not isinstance(paths, Sequence) or isinstance(paths, (str, bytes)):
        example = [paths] if isinstance(paths, str) and paths.strip() else ["text"]
        raise InvalidInput(f"{name} is {paths!r}: give a list of paths such as {example!r}, or {otherwise}")
    for path in paths:
        if not isinstance(path, str) or not path.strip():
            raise InvalidInput(f"{name} holds {path!r}: a path is text such as 'text', or '$' for the whole value")
    return list(paths)


@contextmanager
def in_words_of_the_caller() -> Iterator[None]:
    """Raise errors of the memory with the names that LangGraph's callers know: value, key, namespace, filter key."""
    try:
        yield
    except InvalidFilter as error:
        raise InvalidFilter(_translate(str(error))) from error
    except InvalidInput as error:
        raise InvalidInput(_translate(str(error))) from error


def _check_search(op: SearchOp) -> None:
    if op.filter is not None and not isinstance(op.filter, Mapping):
        raise InvalidFilter(f"filter is {type(op.filter).__name__}: give a dictionary such as {{'year': {{'$gt': 3}}}}")
    if op.query is not None and not isinstance(op.query, str):
        raise InvalidInput(f"query is {type(op.query).__name__}: it must be text")
    for name, number in (("limit", op.limit), ("offset", op.offset)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise InvalidInput(f"{name} is {number!r}: it must be a whole number")


def _translate(message: str) -> str:
    words = _STORED.sub(lambda found: found[1] or "the filter key ", message)
    return (
        re.sub("^text ", "a text of the value ", words)
        .replace("actor_id", "the namespace")
        .replace("metadata ", "the value ")
    )
