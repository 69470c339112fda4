"""`memory_tools`: the memory's operations as tools for agents that LangGraph runs."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolRuntime

from holdfast import MEMORY_TOOLS, AsyncMemory, Id, Memory, MemoryTool, OnError, Owner
from holdfast_langchain.tools import ContentAndArtifact, to_content_and_artifact, to_structured_tool
from holdfast_langgraph.run_memory import memory_for_run


def memory_tools(
    memory: Memory | AsyncMemory,
    *,
    user_id: Id = None,
    agent_id: Id = None,
    run_id: Id = None,
    app_id: Id = None,
    on_error: OnError = "log",
) -> list[BaseTool]:
    """Return `holdfast_langchain.memory_tools` for a `ToolNode`, or for an agent built on one.

    They differ in one thing: an id that is `FROM_CONFIG` is also read from the context of the graph's run.

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


def _make_tool(tool: MemoryTool, owner: Owner) -> BaseTool:
    def run(config: RunnableConfig, runtime: Any = None, **arguments: Any) -> ContentAndArtifact:
        scoped = memory_for_run(owner, config, _get_context(runtime))
        return to_content_and_artifact(tool.call(scoped, arguments))

    async def arun(config: RunnableConfig, runtime: Any = None, **arguments: Any) -> ContentAndArtifact:
        scoped = memory_for_run(owner, config, _get_context(runtime))
        return to_content_and_artifact(await tool.acall(scoped, arguments))

    # LangChain and LangGraph inject arguments by their types, and do not resolve annotations that are strings.
    run.__annotations__ = arun.__annotations__ = {"config": RunnableConfig, "runtime": ToolRuntime}
    return to_structured_tool(tool, run, arun)


def _get_context(runtime: Any) -> object:
    # Code that calls a tool directly may pass arguments a model wrote, so only the graph's own object is trusted.
    return runtime.context if isinstance(runtime, ToolRuntime) else None
