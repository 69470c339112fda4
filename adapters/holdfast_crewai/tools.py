"""Tools with which agents look after the memory themselves; whose it is, the program has said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crewai.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, create_model

from holdfast import MEMORY_TOOLS, AsyncMemory, Memory, MemoryTool, OnError, ScopedMemory


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return the tools `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory`.

    Each also awaits natively. What a model asks in a wrong way is answered with what to do instead.

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open and is not closed by this object.
        user_id: Whose memory; at least one of the four ids must be given, and no tool takes one from the model.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` tells the model that the memory failed, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return [CrewTool.of(one, scoped) for one in MEMORY_TOOLS]


def _never(_arguments: Any = None, _result: Any = None) -> bool:
    return False


class CrewTool(BaseTool):
    """A tool bound to one scope."""

    tool: Any = Field(exclude=True, repr=False)
    scoped: Any = Field(exclude=True, repr=False)
    # What was found a moment ago may have been changed since.
    cache_function: Callable[..., bool] = _never

    @classmethod
    def of(cls, tool: MemoryTool, scoped: ScopedMemory) -> CrewTool:
        """Return `tool` for the memory of `scoped`."""
        return cls(name=tool.name, description=tool.description, args_schema=_arguments(tool), tool=tool, scoped=scoped)

    def _run(self, **arguments: Any) -> str:
        return str(self.tool.call(self.scoped, arguments))

    async def _arun(self, **arguments: Any) -> str:
        return str(await self.tool.acall(self.scoped, arguments))


def _arguments(tool: MemoryTool) -> type[BaseModel]:
    """Return a model that shows the arguments and lets all through; what is wrong with them the tool itself says."""
    shown = ConfigDict(extra="allow", json_schema_extra=tool.schema())
    fields: dict[str, Any] = {parameter.name: (Any, None) for parameter in tool.parameters}
    return create_model(tool.name, __config__=shown, **fields)
