"""What stands in for an engine that a store was built with and that cannot be made here."""

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
    """A chat model or an embedder in name only: the store can be read, and whoever asks for the engine is told why not.

    Attributes:
        name: The engine it stands for, such as `"openai/gpt-4o-mini"`.
        reason: What is missing, and the way out.
        recorded: The description from which it can be made elsewhere, `None` where the store holds none.
        fingerprint: Of the embedder whose vectors the store holds; empty for a chat model.
        dimensions: Length of those vectors; 0 for a chat model, and where it is not known.
    """

    name: str
    reason: str
    recorded: Mapping[str, object] | None = None
    fingerprint: str = ""
    dimensions: int = 0

    def __str__(self) -> str:
        return f"{self.name} (unavailable: {self.reason})"

    def complete(self, messages: Sequence[ChatMessage], *, schema: JsonObject | None = None) -> str:  # noqa: ARG002
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        self._refuse()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        self._refuse()

    def spec(self) -> dict[str, object] | None:
        """Return what the store has recorded of the engine, so that writing does not lose it."""
        return None if self.recorded is None else dict(self.recorded)

    def _refuse(self) -> NoReturn:
        raise ConfigError(f"the store's {self.name} is not available: {self.reason}")
