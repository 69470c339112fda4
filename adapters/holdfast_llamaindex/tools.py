"""`memory_tools`: the verbs of one scope as tools, for agents that decide themselves what to remember."""

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

    The ids are fixed here; the model neither sees nor chooses them, and reaches memories of this scope alone. The
    program finds the memories, or the events of what was changed, in `raw_output.items` of the `ToolOutput`.

    Args:
        memory: A `holdfast.Memory` or `AsyncMemory`; it stays open and is not closed by the tools.
        user_id: Whose memory; at least one of the four ids must be given.
        agent_id: The agent.
        run_id: The session.
        app_id: The application.
        limit: Most memories that a search or a listing shows the model, 1 to 1000, and how many it shows when the
            model gives no number; left out, a search shows 10, a listing 20, and more, up to 100, where it asks.
        on_error: When the memory fails, `"log"` says so to the model and why to the log, `"raise"` lets the failure
            out. A mistake of the model, such as an id that does not exist, is always answered in words.

    Raises:
        InvalidInput: No scope is named, an id cannot be one, or `limit` is out of range.
    """
    scoped = ScopedMemory(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return [_tool(one if limit is None else one.limited(limit), scoped) for one in MEMORY_TOOLS]


def _tool(one: MemoryTool, scoped: ScopedMemory) -> FunctionTool:
    names = [parameter.name for parameter in one.parameters]

    # LlamaIndex gives a single argument without its name.
    def call(*values: Any, **arguments: Any) -> ToolAnswer:
        return one.call(scoped, {**dict(zip(names, values, strict=False)), **arguments})

    async def acall(*values: Any, **arguments: Any) -> ToolAnswer:
        return await one.acall(scoped, {**dict(zip(names, values, strict=False)), **arguments})

    return FunctionTool.from_defaults(call, one.name, one.description, fn_schema=_arguments(one), async_fn=acall)


def _arguments(one: MemoryTool) -> type[BaseModel]:
    """Return a model that shows the arguments; what is wrong with them the tool itself says."""
    shown = ConfigDict(json_schema_extra=one.schema())
    fields: dict[str, Any] = {parameter.name: (Any, None) for parameter in one.parameters}
    return create_model(one.name, __config__=shown, **fields)
