"""The engines a store was built with: what it has recorded of them, and what stands in for one that cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.core import EMBEDDER_SETTING, ENGINES_SETTING
from holdfast.errors import ConfigError, StorageError
from holdfast.ports import ChatModel, Embedder
from holdfast.providers import Unavailable, chat_model, default_engines, embedder
from holdfast.stores import Store

_LOST = "a damaged setting no longer says which it is: name it when you open the store, or see `holdfast doctor`"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a store says of its engines.

    Attributes:
        specs: How to make them, by role; `None` for one that only its caller can make.
        vectors: The `fingerprint` and `dimensions` of the embedder its vectors come from; `None` when there are none,
            or when that is damaged.
        problems: What is wrong with either, by the setting's name.
    """

    specs: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Any] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever recorded: there is nothing to read, so nothing may stand in."""
        return self.vectors is None and not self.problems


def recorded_in(store: Store) -> Recorded:
    """Return what `store` says of its engines; what is damaged is told, not raised, so that the rest can be read."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in (ENGINES_SETTING, EMBEDDER_SETTING):
        try:
            found[name] = store.setting(name)
        except StorageError as error:
            problems[name] = str(error)
    return Recorded(found.get(ENGINES_SETTING) or {}, found.get(EMBEDDER_SETTING), problems)


def recorded_chat_model(recorded: Recorded, environ: Mapping[str, str]) -> ChatModel | None:
    """Return the chat model a store was built with, by default what the environment offers; `None` for the rules.

    Raises:
        ConfigError: A store without any record, and what the environment offers cannot be made.
        ImportError: The same for want of a package.
    """
    if ENGINES_SETTING in recorded.problems:
        return Unavailable("chat model", _LOST)
    spec = recorded.specs.get("llm")
    try:
        return default_engines(environ)[0] if spec is None else chat_model(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return Unavailable(_name(spec) or "chat model", str(error), recorded=spec)


def recorded_embedder(recorded: Recorded, environ: Mapping[str, str]) -> Embedder:
    """Return the embedder a store's vectors come from, by default what the environment offers.

    Raises:
        ConfigError: A store without any record, and what the environment offers cannot be made.
        ImportError: The same for want of a package.
    """
    spec = recorded.specs.get("embedder")
    try:
        made = default_engines(environ)[1] if spec is None else embedder(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return _stand_in(recorded, str(error))
    if recorded.vectors is None:
        is_sure = recorded.is_blank or spec is not None
        return made if is_sure else _stand_in(recorded, _LOST)
    if made.fingerprint != recorded.vectors["fingerprint"]:
        return _stand_in(
            recorded, f"what can be made here is {made.fingerprint}: open the store with the embedder it was built with"
        )
    return made


def _stand_in(recorded: Recorded, reason: str) -> Unavailable:
    spec, vectors = recorded.specs.get("embedder"), recorded.vectors or {"fingerprint": "", "dimensions": 0}
    name = vectors["fingerprint"] or _name(spec) or "embedder"
    return Unavailable(name, reason, recorded=spec, **vectors)


def _name(spec: Mapping[str, Any] | None) -> str:
    if spec is None:
        return ""
    parts = (spec.get("provider"), (spec.get("config") or {}).get("model"))
    return "/".join(str(part) for part in parts if part)
