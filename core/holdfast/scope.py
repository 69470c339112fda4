"""Scopes: the four ids that separate memories from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.errors import InvalidInput, short_repr

SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
"""The ids that name a scope. `actor_id` only narrows one."""

IDENTITY_FIELDS = (*SCOPE_FIELDS, "actor_id")
"""The ids that say whose a memory is. They never change, and metadata may not use their names."""

MAX_ID_LENGTH = 1000
"""Most characters of an id."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One combination of ids. An id that is `None` is absent, and absent matches nothing.

    >>> Scope(user_id="ana", run_id="monday").ids()
    {'user_id': 'ana', 'run_id': 'monday'}
    """

    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    app_id: str | None = None

    def ids(self) -> dict[str, str]:
        """Return the ids that are present, by field name."""
        return {field: value for field in SCOPE_FIELDS if (value := getattr(self, field)) is not None}


def make_scope(*, user_id: Any = None, agent_id: Any = None, run_id: Any = None, app_id: Any = None) -> Scope:
    """Return the scope of these ids.

    Raises:
        InvalidInput: No id is given, or one is blank, too long or not text.

    >>> make_scope(user_id=" ana ", agent_id=7)
    Scope(user_id='ana', agent_id='7', run_id=None, app_id=None)
    """
    scope = Scope(
        user_id=check_id("user_id", user_id),
        agent_id=check_id("agent_id", agent_id),
        run_id=check_id("run_id", run_id),
        app_id=check_id("app_id", app_id),
    )
    if scope == Scope():
        raise InvalidInput("no scope is named: give at least one of user_id, agent_id, run_id or app_id")
    return scope


def check_id(field: str, value: Any) -> str | None:
    """Return an id as trimmed text, `None` when absent. Whole numbers and UUIDs become text.

    Args:
        field: The name of the id for error texts.
        value: The id as the caller gave it.

    Raises:
        InvalidInput: It is blank, longer than 1000 characters, not text, or contains characters that cannot be stored.

    >>> check_id("user_id", "  ")
    Traceback (most recent call last):
    ...
    holdfast.errors.InvalidInput: user_id is blank: leave it out or name someone
    """
    if value is None:
        return None
    if isinstance(value, (bool, bytes, float)) or not (isinstance(value, (str, int)) or hasattr(value, "hex")):
        raise InvalidInput(f"{field} is {short_repr(value)}: an id must be text")
    try:
        text = str(value).strip()
    except ValueError as error:  # Python converts no number of more than 4,300 digits to text
        raise InvalidInput(f"{field} is too long: at most {MAX_ID_LENGTH} characters are allowed") from error
    if not text:
        raise InvalidInput(f"{field} is blank: leave it out or name someone")
    if len(text) > MAX_ID_LENGTH:
        raise InvalidInput(f"{field} has {len(text)} characters: at most {MAX_ID_LENGTH} are allowed")
    return check_storable(text, name=field)


def check_storable(text: str, *, name: str) -> str:
    """Return `text` unchanged if it can be stored: SQLite's functions stop at NUL, and UTF-8 has no lone surrogates.

    Raises:
        InvalidInput: It contains a NUL character or half of a surrogate pair.

    >>> check_storable("tea", name="query")
    'tea'
    """
    if "\0" in text:
        raise InvalidInput(f"{name} holds a NUL character at position {text.index(chr(0))}: remove it")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"{name} holds half of a surrogate pair at position {error.start}: decode it as UTF-8 or UTF-16 first"
            ) from error
    return text
