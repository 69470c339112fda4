"""The configuration of the agentchat components, with which AutoGen dumps and loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from holdfast import AsyncMemory, InvalidInput, Memory

LABEL = "autogen"
"""The metadata key of memories that were stored through AutoGen."""


class MemoryConfig(BaseModel):
    """The path of a memory and a scope. The engines are not included, because the file of a memory names them."""

    path: str
    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    app_id: str | None = None
    max_tokens: int = 1_000
    on_error: Literal["raise", "log"] = "log"

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the component, except the memory."""
        return {name: getattr(self, name) for name in MemoryConfig.model_fields if name != "path"}


def get_path(memory: Memory | AsyncMemory) -> str:
    """Return the absolute path of the file of `memory`.

    Raises:
        InvalidInput: The memory is in RAM, so it cannot be opened again.
    """
    path = memory.path
    if path == ":memory:":
        raise InvalidInput("a memory in RAM cannot be dumped as a component: open it with a path")
    return str(Path(path).absolute())
