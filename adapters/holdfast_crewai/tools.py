"""`memory_tools`: the memory's operations as CrewAI tools an agent can call."""

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

    Unusable arguments and ids outside the scope are reported to the model, not raised. The tools can also be awaited.

    >>> from holdfast import Memory
    >>> tools = memory_tools(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> tools[0].run(text="I live in Porto.").startswith("ADD [")
    True

    Args:
        memory: A `Memory` or an `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given. No tool takes an id from the model.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        on_error: `"log"` reports a failure of the memory to the model, `"raise"` raises it.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
    """
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return [_make_tool(tool, scoped) for tool in MEMORY_TOOLS]


def _never_cache(_arguments: Any = None, _result: Any = None) -> bool:
    return False


class CrewTool(BaseTool):
    """A tool bound to one scope."""

    tool: Any = Field(exclude=True, repr=False)
    scoped: Any = Field(exclude=True, repr=False)
    # CrewAI caches results by default, and a cached search would miss what changed since.
    cache_function: Callable[..., bool] = _never_cache

    def _run(self, **arguments: Any) -> str:
        return str(self.tool.call(self.scoped, arguments))

    async def _arun(self, **arguments: Any) -> str:
        return str(await self.tool.acall(self.scoped, arguments))


def _make_tool(tool: MemoryTool, scoped: ScopedMemory) -> CrewTool:
    arguments = _make_arguments_model(tool)
    return CrewTool(name=tool.name, description=tool.description, args_schema=arguments, tool=tool, scoped=scoped)


def _make_arguments_model(tool: MemoryTool) -> type[BaseModel]:
    """Return a model that has the tool's schema and accepts anything, because the tool checks its arguments itself."""
    config = ConfigDict(extra="allow", json_schema_extra=tool.schema())
    fields: dict[str, Any] = {parameter.name: (Any, None) for parameter in tool.parameters}
    return create_model(tool.name, __config__=config, **fields)
