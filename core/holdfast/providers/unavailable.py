"""A stand-in for an engine that a store was created with and that cannot be built here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from holdfast.errors import ConfigError
from holdfast.protocols import ChatMessage, JsonObject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A chat model or an embedder that raises when used, so that the store can still be read without it.

    Attributes:
        name: The missing engine, such as `"openai/gpt-4o-mini"`.
        reason: What is missing, and the way out.
        recorded: The description in the store from which the engine can be built elsewhere, `None` if there is none.
        fingerprint: The fingerprint of the embedder whose vectors the store holds; empty for a chat model.
        dimensions: The length of those vectors; 0 for a chat model, or when unknown.

    >>> engine = Unavailable("openai/gpt-4o-mini", "set OPENAI_API_KEY")
    >>> engine.complete([])
    Traceback (most recent call last):
    ...
    holdfast.errors.ConfigError: the store's openai/gpt-4o-mini is not available: set OPENAI_API_KEY
    """

    name: str
    reason: str
    recorded: Mapping[str, object] | None = None
    fingerprint: str = ""
    dimensions: int = 0

    def __str__(self) -> str:
        return f"{self.name} (unavailable: {self.reason})"

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:  # noqa: ARG002
        """Raise the reason.

        Raises:
            ConfigError: Always.
        """
        self._raise_reason()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        """Raise the reason.

        Raises:
            ConfigError: Always.
        """
        self._raise_reason()

    def spec(self) -> dict[str, object] | None:
        """Return the description in the store, so that writing to it does not lose it."""
        return None if self.recorded is None else dict(self.recorded)

    def _raise_reason(self) -> NoReturn:
        raise ConfigError(f"the store's {self.name} is not available: {self.reason}")
