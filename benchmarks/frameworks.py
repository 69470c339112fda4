"""Measure what the memory adds to a turn and to an import of each framework: `python -m benchmarks.frameworks`.

Runs in the environment of `make test`, which has all five frameworks, and does not need Mem0. The model is a scripted
server on this machine. Each framework is measured in its own process: a turn without and a turn with the memory, which
holds 10,000 memories of 100 users, alternate.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.table import Row

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_VERSION_CHECK="true",
    CREWAI_TESTING="true",
    OTEL_SDK_DISABLED="true",
    LANGSMITH_TRACING="false",
    OMP_NUM_THREADS="1",
)

USERS, MEMORIES_EACH = 100, 100
ROUNDS = 40
MAX_OVERHEAD_MS = 5.0
MAX_IMPORT_MS = 30.0

Turn = Callable[[str], object]
IMPORTS = {
    "langchain": ("langchain.agents", "holdfast_langchain"),
    "langgraph": ("langgraph.graph", "holdfast_langgraph"),
    "llamaindex": ("llama_index.core", "holdfast_llamaindex"),
    "crewai": ("crewai", "holdfast_crewai"),
    "autogen": ("autogen", "holdfast_autogen"),
}


def main() -> int:
    """Measure every framework; return 1 if a bound is missed."""
    if len(sys.argv) > 1:
        print(json.dumps(measure_turns(sys.argv[1])))
        return 0
    rows = [row for name in IMPORTS for row in measure_framework(name)]
    for row in rows:
        print(row)
    return int(any(row.verdict == "MISS" for row in rows))


def measure_framework(name: str) -> list[Row]:
    """Return the rows of one framework, measured in its own processes."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.frameworks", name]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bare, with_memory = json.loads(printed.splitlines()[-1])
    framework, adapter = IMPORTS[name]
    return [
        Row(f"{name}: a turn without the memory", bare, unit="ms"),
        Row(f"{name}: what the memory adds to it", with_memory - bare, unit="ms", at_most=MAX_OVERHEAD_MS),
        Row(
            f"{name}: what importing {adapter} adds to {framework}",
            measure_import_ms(framework, adapter),
            unit="ms",
            at_most=MAX_IMPORT_MS,
        ),
    ]


def measure_import_ms(framework: str, adapter: str) -> float:
    """Return the median milliseconds that importing `adapter` adds to importing `framework`, in fresh processes."""
    alone, both = f"import {framework}", f"import {framework}, {adapter}"
    run_in_fresh_process(both)  # loads the files into the disk cache
    return statistics.median((run_in_fresh_process(both) - run_in_fresh_process(alone)) * 1000 for _ in range(5))


def run_in_fresh_process(statement: str) -> float:
    """Return the seconds a fresh process needs for `statement`, without the start of the interpreter."""
    program = f"import time; started = time.perf_counter(); {statement}; print(time.perf_counter() - started)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def measure_turns(name: str) -> tuple[float, float]:
    """Return the median milliseconds of a turn without and of a turn with the memory."""
    from cookbooks import one_memory_five_frameworks as cookbook

    from holdfast import Memory

    warnings.simplefilter("ignore")
    framework = {"langchain": cookbook.langchain, "langgraph": cookbook.langgraph, "llamaindex": cookbook.llamaindex}
    framework |= {"crewai": cookbook.crewai, "autogen": cookbook.autogen}
    with (
        cookbook.scripted_openai_server("Noted.") as server,
        tempfile.TemporaryDirectory() as folder,
        Memory(Path(folder) / "memory.db", llm="rules", embedder="hashing") as memory,
    ):
        model = cookbook.Model("gpt-4o-mini", server.base_url, "none")
        fill(memory, cookbook.ANA)
        bare, with_memory = BARE[name](model), framework[name](memory, model)
        durations: dict[Turn, list[float]] = {bare: [], with_memory: []}
        for number in range(ROUNDS):
            text = f"My boat number {number} is called Albatross{number}. I sail it on weekends."
            for turn in (bare, with_memory) if number % 2 else (with_memory, bare):
                started = time.perf_counter()
                cookbook.run_in_new_loop(turn, text)
                durations[turn].append(time.perf_counter() - started)
        # Without the first five turns, which load modules lazily.
        return statistics.median(durations[bare][5:]) * 1000, statistics.median(durations[with_memory][5:]) * 1000


def fill(memory: Any, user: str) -> None:
    """Add 100 memories for each of 100 users, one of them `user`."""
    for number in range(USERS):
        messages = [
            f"I keep item {number * MEMORIES_EACH + one} in box {one % 7} of shelf {one % 11}."
            for one in range(MEMORIES_EACH)
        ]
        memory.add(messages, user_id=user if number == 0 else f"user{number}", infer=False)


def _langchain(model: Any) -> Turn:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model=model.name, base_url=model.base_url, api_key=model.api_key))
    return lambda text: agent.invoke({"messages": [("user", text)]})


def _langgraph(model: Any) -> Turn:
    from langchain_openai import ChatOpenAI
    from langgraph.graph import START, MessagesState, StateGraph

    chat = ChatOpenAI(model=model.name, base_url=model.base_url, api_key=model.api_key)
    graph = StateGraph(MessagesState)
    graph.add_node("answer", lambda state: {"messages": [chat.invoke(state["messages"])]})
    graph.add_edge(START, "answer")
    assistant = graph.compile()
    return lambda text: assistant.invoke({"messages": [("user", text)]})


def _llamaindex(model: Any) -> Turn:
    from llama_index.core.chat_engine import SimpleChatEngine
    from llama_index.llms.openai_like import OpenAILike

    chat = OpenAILike(model=model.name, api_base=model.base_url, api_key=model.api_key, is_chat_model=True)
    engine = SimpleChatEngine.from_defaults(llm=chat)
    return engine.chat


def _crewai(model: Any) -> Turn:
    from crewai import LLM, Agent, Crew, Task

    chat = LLM(model=f"openai/{model.name}", base_url=model.base_url, api_key=model.api_key)
    agent = Agent(role="Companion", goal="Answer Ana", backstory="You know Ana.", llm=chat)
    crew = Crew(agents=[agent], tasks=[Task(description="{text}", expected_output="A short answer.", agent=agent)])
    return lambda text: crew.kickoff(inputs={"text": text})


def _autogen(model: Any) -> Turn:
    from autogen import ConversableAgent, UserProxyAgent

    config = {"model": model.name, "base_url": model.base_url, "api_key": model.api_key, "price": [0, 0]}
    assistant = ConversableAgent("assistant", llm_config={"config_list": [config], "cache_seed": None})
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    return lambda text: user.initiate_chat(assistant, message=text, max_turns=1, silent=True)


BARE = {
    "langchain": _langchain,
    "langgraph": _langgraph,
    "llamaindex": _llamaindex,
    "crewai": _crewai,
    "autogen": _autogen,
}

if __name__ == "__main__":
    sys.exit(main())
