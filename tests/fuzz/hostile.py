"""Values that callers should not give, but may: of every type, and objects whose methods raise or never end."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import itertools
import uuid
from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st


class Refused(RuntimeError):
    """What a hostile object raises."""


def refuse(*_: object, **__: object) -> Any:
    raise Refused("a hostile method was called")


_METHODS = (
    "__repr__ __str__ __eq__ __hash__ __iter__ __len__ __bool__ __getattr__ __getattribute__ __getitem__ __contains__"
    " __index__ __int__ __float__ __format__ __lt__ __fspath__ __reduce__ __class__"
).split()


def hostile(base: type, *methods: str) -> type:
    """Return a subclass of `base` whose `methods` raise."""
    body: dict[str, Any] = {name: property(refuse) if name == "__class__" else refuse for name in methods}
    if "__eq__" in methods and "__hash__" not in methods:
        body["__hash__"] = base.__hash__
    return type(f"Hostile{base.__name__.title()}", (base,), body)


class Endless(Sequence):
    """A sequence that never ends."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, place: Any) -> Any:
        return "I like tea"


class EndlessMapping(Mapping):
    """A mapping that never ends."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: Any) -> Any:
        return "tea"

    def __iter__(self) -> Iterator[Any]:
        return map(str, itertools.count())


class Changing(dict):
    """A dictionary that is another one at every look."""

    looks = itertools.count()

    def __getitem__(self, key: Any) -> Any:
        return object() if next(self.looks) % 2 else "user"

    def get(self, key: Any, *_: Any) -> Any:
        return self[key]

    def items(self) -> Any:
        for key in list(self):
            self[f"{key}x"] = 1
            yield key, self[key]


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):
    TEA = "tea"


class Lying(str):
    """Text that says it is short, and is not blank."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def strip(self, *_: Any) -> str:
        return "x"


@dataclasses.dataclass
class Note:
    text: str = "tea"


class BadZone(dt.tzinfo):
    def utcoffset(self, _: Any) -> Any:
        raise Refused("no offset")


class Pair(NamedTuple):
    role: str
    content: str


def loops() -> Iterator[Any]:
    """Yield containers that hold themselves, or too much."""
    itself: list[Any] = []
    itself.append(itself)
    yield itself
    mapping: dict[str, Any] = {"user_id": "ana"}
    mapping["AND"] = [mapping]
    yield mapping
    laughs: Any = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    yield laughs
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    yield deep
    deep = {"a": 1}
    for _ in range(5000):
        deep = {"a": deep}
    yield deep


def _hostile_objects() -> list[Any]:
    bases: list[tuple[type, tuple[Any, ...]]] = [
        (object, ()),
        (str, ("tea",)),
        (int, (5,)),
        (float, (0.5,)),
        (list, (["tea"],)),
        (tuple, (("tea",),)),
        (dict, ({"role": "user", "content": "tea"},)),
        (set, (["tea"],)),
        (bytes, (b"tea",)),
        (uuid.UUID, ("12345678123456781234567812345678",)),
        (Exception, ("tea",)),
        (UserDict, ({"role": "user"},)),
        (UserList, (["tea"],)),
    ]
    made = []
    for base, arguments in bases:
        for methods in [*((name,) for name in _METHODS), _METHODS]:
            try:
                made.append(hostile(base, *methods)(*arguments))
            except Exception:  # noqa: BLE001, S112 - this one cannot even be made
                continue
    return made


SPECIAL: list[Any] = [
    *_hostile_objects(),
    *loops(),
    Endless(),
    EndlessMapping(),
    Changing(role="user", content="tea"),
    Lying("x" * 2_000_000),
    Lying(""),
    Colour.RED,
    Word.TEA,
    Note(),
    Pair("user", "tea"),
    object(),
    type,
    len,
    refuse,
    ...,
    NotImplemented,
    Path("tea"),
    decimal.Decimal("NaN"),
    fractions.Fraction(1, 3),
    complex(1, 2),
    10**5000,
    -(10**5000),
    2**63,
    2**64,
    -(2**63) - 1,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    "\ud800",
    "tea\udfff",
    "\0",
    "tea\0",
    "",
    " \n\t",
    "\u200b",
    "\ufeff",
    "x" * 1001,
    "x" * 1_000_001,
    "*",
    b"tea",
    b"\xff",
    bytearray(b"tea"),
    memoryview(b"tea"),
    range(3),
    range(10**9),
    deque(["tea"]),
    UserString("tea"),
    ChainMap({"role": "user"}),
    OrderedDict(role="user", content="tea"),
    {1: 2},
    {None: None},
    {("a",): 1},
    {"tea": object()},
    {"\ud800": "tea"},
    {"a\0": 1},
    frozenset({"tea"}),
    np.int64(5),
    np.float32(0.5),
    np.bool_(True),
    np.str_("tea"),
    np.array(["tea"]),
    np.array(5),
    np.datetime64("2026-01-01"),
    dt.datetime.max,
    dt.datetime.min,
    dt.datetime(2026, 1, 1, tzinfo=BadZone()),
    dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-23))),
    dt.date.max,
    dt.time(),
    dt.timedelta(1),
    uuid.UUID(int=1),
]


_MAKERS: list[Callable[[], Any]] = [
    itertools.count,
    lambda: itertools.repeat("tea"),
    lambda: itertools.repeat({"role": "user", "content": "tea"}),
    lambda: (text for text in ("tea",)),
    lambda: iter(refuse, 1),
    lambda: map(refuse, [1]),
    lambda: deque(["tea"]),
    lambda: UserDict(role="user", content="tea"),
]


# Hypothesis compares, hashes and prints what it draws. So it draws these, and `to_hostile` puts the real values there.


@dataclasses.dataclass(frozen=True)
class Special:
    """The place of a value in `SPECIAL`."""

    place: int


@dataclasses.dataclass(frozen=True)
class Fresh:
    """The place of a function in `_MAKERS` that makes a value which can be used once."""

    place: int


def to_hostile(value: Any) -> Any:
    """Return `value` with the real values in it."""
    if isinstance(value, Special):
        return SPECIAL[value.place]
    if isinstance(value, Fresh):
        return _MAKERS[value.place]()
    if isinstance(value, dict):
        return {key: to_hostile(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(to_hostile, value))
    return value


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=20)
    | st.binary(max_size=8)
    | st.datetimes()
    | st.builds(Special, st.integers(0, len(SPECIAL) - 1))
    | st.builds(Fresh, st.integers(0, len(_MAKERS) - 1))
)

WORDS = (
    "role content name type text user assistant system tool user_id agent_id run_id app_id actor_id AND OR NOT in eq gt"
    " contains metadata memory_id memory_ids keywords created_at expiration_date immutable id score memory updated_at"
    " ana * provider config hashing rules model dimensions"
).split()
keys = st.sampled_from(WORDS) | st.text(max_size=8) | st.integers() | st.binary(max_size=4) | st.none()

values = st.recursive(
    scalars | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=8,
)
"""Any value, most of them wrong for any argument."""
