"""`memory_tools`: the verbs of a memory as tools for a model."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from holdfast import MEMORY_TOOLS, AsyncMemory, Id, Memory, MemoryTool, OnError, Owner, ToolAnswer
from holdfast_langchain.identity import scoped_of


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return tools with which a model adds, searches, lists, updates and deletes memories of one scope.

    `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory` tell the model in words and
    the program in the `artifact` of the `ToolMessage`: the memories, or the events of what was changed. Whose memory it
    is stands in no argument the model could choose. Arguments that cannot be used, and ids that are not of this
    scope, are told to the model.

    Args:
        memory: The memory; it stays open.
        user_id: Whose memory, or `FROM_CONFIG`: that of whoever the run is for. At least one id must be given.
        agent_id: The same for an agent.
        run_id: The same for a session.
        app_id: The same for an application.
        on_error: `"log"` tells the model that the memory failed, `"raise"` lets the failure out.

    Raises:
        InvalidInput: No scope is named, or `on_error` is another word.
    """
    ids: dict[str, Id] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    owner = Owner(memory, ids, on_error=on_error)
    return [_tool(one, owner) for one in MEMORY_TOOLS]


def _tool(one: MemoryTool, owner: Owner) -> BaseTool:
    def run(config: RunnableConfig, **arguments: Any) -> tuple[str, list[Any]]:
        return _told(one.call(scoped_of(owner, config), arguments))

    async def arun(config: RunnableConfig, **arguments: Any) -> tuple[str, list[Any]]:
        return _told(await one.acall(scoped_of(owner, config), arguments))

    return StructuredTool.from_function(
        run,
        arun,
        one.name,
        one.description,
        args_schema=one.schema(),
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _told(answer: ToolAnswer) -> tuple[str, list[Any]]:
    if answer.failed:
        raise ToolException(answer.text)
    return answer.text, list(answer.items)
