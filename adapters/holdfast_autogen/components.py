"""What the components of agentchat share: how they are described, so that AutoGen can write them down and load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from holdfast import AsyncMemory, InvalidInput, Memory


class MemoryConfig(BaseModel):
    """A memory and a scope, in words. The engines are not among them: a store knows its own."""

    path: str
    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    app_id: str | None = None
    max_tokens: int = 1_000
    on_error: Literal["raise", "log"] = "log"

    def arguments(self) -> dict[str, Any]:
        """Return what the component is made with, beside the memory."""
        return {name: getattr(self, name) for name in MemoryConfig.model_fields if name != "path"}


def path_of(memory: Memory | AsyncMemory) -> str:
    """Return where `memory` is kept.

    Raises:
        InvalidInput: It is kept in memory, where nobody else can open it.
    """
    path = memory.path
    if path == ":memory:":
        raise InvalidInput("a memory kept in memory cannot be described for others to load: give it a path")
    return str(Path(path).absolute())
