"""Whose memory: named when an adapter's object is made, or read from each run, never chosen by the model."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from holdfast.agents.scoped import OnError, ScopedMemory
from holdfast.async_memory import AsyncMemory
from holdfast.errors import InvalidInput
from holdfast.memory import Memory


class FromConfig(Enum):
    """The type of `FROM_CONFIG`."""

    FROM_CONFIG = "read from each run"

    def __repr__(self) -> str:
        return self.name


FROM_CONFIG: Final = FromConfig.FROM_CONFIG
"""In the place of an id: read it from each run, from its `context` or else from `config["configurable"]`."""

Id = str | FromConfig | None


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
        self.varying = [field for field, value in ids.items() if value is FROM_CONFIG]
        # What varies has a stand-in, which `of` always replaces.
        known = {field: value.value if isinstance(value, FromConfig) else value for field, value in ids.items()}
        self._scoped = ScopedMemory(memory, **known, on_error=on_error)

    def of(self, *places: object) -> ScopedMemory:
        """Return the memory of whoever a run is for.

        Args:
            places: Where the run says so, the first that does counts: mappings, objects with attributes, or `None`.

        Raises:
            InvalidInput: None of them does.
        """
        if not self.varying:
            return self._scoped
        return self._scoped.within(**{field: _required(field, places) for field in self.varying})


def _required(field: str, places: tuple[object, ...]) -> str:
    for place in places:
        value: Any = place.get(field) if isinstance(place, Mapping) else getattr(place, field, None)
        if value is not None:
            return value  # type: ignore[no-any-return]
    raise InvalidInput(
        f"this run does not say its {field}: invoke with config={{'configurable': {{'{field}': ...}}}}, or with a"
        f" context that has {field}"
    )
