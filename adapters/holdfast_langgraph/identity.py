"""Whose memory: named when the graph is built, or read from each run, never chosen by the model."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context
from langgraph.runtime import get_runtime

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory


class FromConfig(Enum):
    """The type of `FROM_CONFIG`."""

    FROM_CONFIG = "read from each run"

    def __repr__(self) -> str:
        return self.name


FROM_CONFIG: Final = FromConfig.FROM_CONFIG
"""In the place of an id: read it from each run, from its context or else from `config["configurable"]`."""

Id = str | FromConfig | None
OnError = Literal["raise", "log"]


class Owner:
    """Whose memory a run works with.

    Args:
        memory: The memory.
        ids: The scope ids by name; some may be `FROM_CONFIG`.
        on_error: See `ScopedMemory`.

    Raises:
        InvalidInput: No id is named, or `on_error` is another word.
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
            context: The run's context, which is looked at first; that of the run we are in when left out.

        Raises:
            InvalidInput: The run does not say whom it is for.
        """
        if not self._varying:
            return self._scoped
        configurable = (config or {}).get("configurable") or {}
        places = (_present_context(config) if context is None else context, configurable)
        return self._scoped.within(**{field: _required(field, places) for field in self._varying})


def _required(field: str, places: tuple[object, ...]) -> str:
    for place in places:
        value: Any = place.get(field) if isinstance(place, Mapping) else getattr(place, field, None)
        if value is not None:
            return value  # type: ignore[no-any-return]
    raise InvalidInput(
        f"this run does not say its {field}: run the graph with a context that has it, or with"
        f" config={{'configurable': {{'{field}': ...}}}}"
    )


def _present_context(config: RunnableConfig | None) -> object:
    """Return the context of the run that `config` belongs to."""
    try:
        # An awaited node on Python 3.10 does not know its run by itself.
        with set_config_context(config or {}) as run:
            runtime: Any = run.run(_runtime)
    except (KeyError, RuntimeError):
        return None  # outside a graph
    return getattr(runtime, "context", None)


def _runtime() -> Any:
    return get_runtime()
