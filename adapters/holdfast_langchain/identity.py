"""Whose memory: named when the object is made, or read from each run, never chosen by the model."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from langchain_core.runnables import RunnableConfig

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory


class FromConfig(Enum):
    """The type of `FROM_CONFIG`."""

    FROM_CONFIG = "read from each run"

    def __repr__(self) -> str:
        return self.name


FROM_CONFIG: Final = FromConfig.FROM_CONFIG
"""In the place of an id: read it from each run, from its `context` or else from `config["configurable"]`."""

Id = str | FromConfig | None
OnError = Literal["raise", "log"]


class Owner:
    """Whose memory a run works with.

    Args:
        memory: The memory.
        ids: The scope ids by name; some may be `FROM_CONFIG`.
        on_error: See `ScopedMemory`.

    Raises:
        InvalidInput: No id is named.
    """

    def __init__(self, memory: Memory | AsyncMemory, ids: Mapping[str, Id], *, on_error: OnError) -> None:
        self._varying = [field for field, value in ids.items() if value is FROM_CONFIG]
        # What varies has a stand-in, which `of` always replaces.
        known = {field: value.value if isinstance(value, FromConfig) else value for field, value in ids.items()}
        self._scoped = ScopedMemory(memory, **known, on_error=on_error)

    def of(self, config: RunnableConfig | None, context: object = None) -> ScopedMemory:
        """Return the memory of whoever this run is for.

        Args:
            config: The run's configuration.
            context: The run's context, looked at first; LangGraph's of the present run when left out.

        Raises:
            InvalidInput: The run does not say who it is for.
        """
        if not self._varying:
            return self._scoped
        configurable = (config or {}).get("configurable") or {}
        places = (_present_context() if context is None else context, configurable)
        return self._scoped.within(**{field: _required(field, places) for field in self._varying})


def _required(field: str, places: tuple[object, ...]) -> str:
    for place in places:
        value: Any = place.get(field) if isinstance(place, Mapping) else getattr(place, field, None)
        if value is not None:
            return value  # type: ignore[no-any-return]
    raise InvalidInput(
        f"this run does not say its {field}: invoke with config={{'configurable': {{'{field}': ...}}}}, or with a"
        f" context that has {field}"
    )


def _present_context() -> object:
    """Return the context of the run we are in, where LangGraph carries it out."""
    runtimes = sys.modules.get("langgraph.runtime")  # whoever runs us has loaded it
    try:
        return runtimes.get_runtime().context if runtimes else None
    except (AttributeError, KeyError, RuntimeError):
        return None
