"""`memory_tools`: the memory's operations as LlamaIndex tools an agent can call."""

from __future__ import annotations

from typing import Any

from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, create_model
from llama_index.core.tools import FunctionTool

from holdfast import MEMORY_TOOLS, AsyncMemory, Memory, MemoryTool, OnError, ScopedMemory, ToolAnswer


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    limit: int | None = None,
    on_error: OnError = "log",
) -> list[FunctionTool]:
    """Return `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory` for one scope.

    No tool takes an id of the scope, so a model reaches the memories of this scope only. Unusable arguments are
    reported to the model, not raised. The memories a tool found, or the events of what it changed, are in
    `raw_output.items` of the `ToolOutput`.

    >>> from holdfast import Memory
    >>> tools = memory_tools(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> [event["memory"] for event in tools[0].call(text="I live in Porto.").raw_output.items]
    ['I live in Porto.']

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open.
        user_id: The user; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        limit: The maximum number of memories a search or a listing shows, 1 to 1000, also used when the model gives no
            number. By default a search shows 10 and a listing 20, or up to 100 if the model asks for more.
        on_error: `"log"` reports a failure of the memory to the model and logs the reason, `"raise"` raises it.

    Raises:
        InvalidInput: No id is given, an id is unusable, or `limit` is out of range.
    """
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return [_make_tool(tool if limit is None else tool.limited(limit), scoped) for tool in MEMORY_TOOLS]


def _make_tool(tool: MemoryTool, scoped: ScopedMemory) -> FunctionTool:
    names = [parameter.name for parameter in tool.parameters]

    # LlamaIndex passes a single argument by position.
    def call(*values: Any, **arguments: Any) -> ToolAnswer:
        return tool.call(scoped, {**dict(zip(names, values, strict=False)), **arguments})

    async def acall(*values: Any, **arguments: Any) -> ToolAnswer:
        return await tool.acall(scoped, {**dict(zip(names, values, strict=False)), **arguments})

    return FunctionTool.from_defaults(
        call, tool.name, tool.description, fn_schema=_make_arguments_model(tool), async_fn=acall
    )


def _make_arguments_model(tool: MemoryTool) -> type[BaseModel]:
    """Return a model that has the tool's schema and accepts anything, because the tool checks its arguments itself."""
    config = ConfigDict(json_schema_extra=tool.schema())
    fields: dict[str, Any] = {parameter.name: (Any, None) for parameter in tool.parameters}
    return create_model(tool.name, __config__=config, **fields)
