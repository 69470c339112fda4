"""`memory_tools`: the memory's operations as LangChain tools a model can call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from holdfast import MEMORY_TOOLS, AsyncMemory, Id, Memory, MemoryTool, OnError, Owner, ToolAnswer
from holdfast_langchain.run_memory import memory_for_run

ContentAndArtifact = tuple[str, list[Any]]
"""What a tool returns: text for the model, and the memories or events for the program."""


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return tools with which a model adds, searches, lists, updates and deletes the memories of one scope.

    The tools are `add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory`. Each answers
    the model in text, and puts the memories it found or the events of what it changed into the `artifact` of the
    `ToolMessage`. No argument of a tool names a user, so a model cannot reach the memories of another one. Unusable
    arguments and ids outside the scope are reported to the model, not raised.

    >>> from holdfast import Memory
    >>> tools = memory_tools(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
    >>> tools[0].invoke({"text": "I live in Porto."}).startswith("ADD [")
    True

    Args:
        memory: The memory; it stays open.
        user_id: The user, or `FROM_CONFIG` to read it from each run. At least one id must be given.
        agent_id: The agent, or `FROM_CONFIG`.
        run_id: The session, or `FROM_CONFIG`.
        app_id: The application, or `FROM_CONFIG`.
        on_error: `"log"` reports a failure of the memory to the model, `"raise"` raises it.

    Raises:
        InvalidInput: No id is given, or `on_error` is neither of the two.
    """
    owner = Owner(memory, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, on_error=on_error)
    return [_make_tool(tool, owner) for tool in MEMORY_TOOLS]


def to_structured_tool(
    tool: MemoryTool, run: Callable[..., ContentAndArtifact], arun: Callable[..., Awaitable[ContentAndArtifact]]
) -> BaseTool:
    """Return the LangChain tool that shows the model the schema of `tool` and calls `run` or awaits `arun`.

    Args:
        tool: The name, description and arguments.
        run: Takes the model's arguments by name, and what LangChain injects by type.
        arun: Does the same, awaited.
    """
    return StructuredTool.from_function(
        run,
        arun,
        tool.name,
        tool.description,
        args_schema=tool.schema(),
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def to_content_and_artifact(answer: ToolAnswer) -> ContentAndArtifact:
    """Return an answer in LangChain's form.

    Raises:
        ToolException: The tool failed; LangChain shows the text to the model.
    """
    if answer.failed:
        raise ToolException(answer.text)
    return answer.text, list(answer.items)


def _make_tool(tool: MemoryTool, owner: Owner) -> BaseTool:
    def run(config: RunnableConfig, **arguments: Any) -> ContentAndArtifact:
        return to_content_and_artifact(tool.call(memory_for_run(owner, config), arguments))

    async def arun(config: RunnableConfig, **arguments: Any) -> ContentAndArtifact:
        return to_content_and_artifact(await tool.acall(memory_for_run(owner, config), arguments))

    return to_structured_tool(tool, run, arun)
