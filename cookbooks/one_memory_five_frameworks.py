"""One memory for five frameworks: each hears one fact about Ana, and answers with a fact another one heard.

python cookbooks/one_memory_five_frameworks.py           # offline, with a scripted model
python cookbooks/one_memory_five_frameworks.py --live    # with OpenAI's model, needs OPENAI_API_KEY
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true")
os.environ.setdefault("LANGSMITH_TRACING", "false")
warnings.simplefilter("ignore")  # hides the frameworks' deprecation warnings

from holdfast import Memory
from holdfast.testing import scripted_openai_server

ANA = "ana"


@dataclass(frozen=True)
class Model:
    """The address of a language model with OpenAI's protocol, which all five frameworks support."""

    name: str
    base_url: str
    api_key: str


def langchain(memory: Memory, model: Model) -> Callable[[str], str]:
    """Return a function that asks a LangChain agent with `MemoryMiddleware`."""
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    from holdfast_langchain import MemoryMiddleware

    chat = ChatOpenAI(model=model.name, base_url=model.base_url, api_key=model.api_key)
    agent = create_agent(chat, middleware=[MemoryMiddleware(memory=memory, user_id=ANA)])
    return lambda text: agent.invoke({"messages": [("user", text)]})["messages"][-1].content


def langgraph(memory: Memory, model: Model) -> Callable[[str], str]:
    """Return a function that asks a LangGraph graph with the two memory nodes."""
    from langchain_openai import ChatOpenAI
    from langgraph.graph import START, StateGraph

    from holdfast_langgraph import MemoryState, messages_with_memories, retrieve_node, update_node

    chat = ChatOpenAI(model=model.name, base_url=model.base_url, api_key=model.api_key)
    graph = StateGraph(MemoryState)
    graph.add_node("retrieve", retrieve_node(memory=memory, user_id=ANA))
    graph.add_node("answer", lambda state: {"messages": [chat.invoke(messages_with_memories(state))]})
    graph.add_node("update", update_node(memory=memory, user_id=ANA))
    for one, other in ((START, "retrieve"), ("retrieve", "answer"), ("answer", "update")):
        graph.add_edge(one, other)
    assistant = graph.compile()
    return lambda text: assistant.invoke({"messages": [("user", text)]})["messages"][-1].content


def llamaindex(memory: Memory, model: Model) -> Callable[[str], str]:
    """Return a function that asks a LlamaIndex chat engine with `Mem0Memory`."""
    from llama_index.core.chat_engine import SimpleChatEngine
    from llama_index.llms.openai_like import OpenAILike

    from holdfast_llamaindex import Mem0Memory

    chat = OpenAILike(model=model.name, api_base=model.base_url, api_key=model.api_key, is_chat_model=True)
    engine = SimpleChatEngine.from_defaults(llm=chat, memory=Mem0Memory.from_defaults(memory=memory, user_id=ANA))
    return lambda text: str(engine.chat(text))


def crewai(memory: Memory, model: Model) -> Callable[[str], str]:
    """Return a function that asks a CrewAI crew of one agent with `crew_memory`."""
    from crewai import LLM, Agent, Crew, Task

    from holdfast_crewai import crew_memory

    chat = LLM(model=f"openai/{model.name}", base_url=model.base_url, api_key=model.api_key)
    agent = Agent(role="Companion", goal="Answer Ana", backstory="You know Ana.", llm=chat)
    task = Task(description="{text}", expected_output="A short answer.", agent=agent)
    crew = Crew(agents=[agent], tasks=[task], memory=crew_memory(memory=memory, user_id=ANA))
    return lambda text: str(crew.kickoff(inputs={"text": text}))


def autogen(memory: Memory, model: Model) -> Callable[[str], str]:
    """Return a function that asks an AutoGen assistant with `MemoryCapability`."""
    from autogen import ConversableAgent, UserProxyAgent

    from holdfast_autogen import MemoryCapability

    config = {"model": model.name, "base_url": model.base_url, "api_key": model.api_key, "price": [0, 0]}
    assistant = ConversableAgent("assistant", llm_config={"config_list": [config], "cache_seed": None})
    MemoryCapability(memory=memory, user_id=ANA).add_to_agent(assistant)
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    return lambda text: user.initiate_chat(assistant, message=text, max_turns=1, silent=True).summary


FRAMEWORKS = {
    "LangChain": (langchain, "My sister Noor lives in Ghent."),
    "LangGraph": (langgraph, "I'm allergic to hazelnuts."),
    "LlamaIndex": (llamaindex, "My sailing boat is called Albatross."),
    "CrewAI": (crewai, "I play the cello on Thursdays."),
    "AutoGen": (autogen, "Please always answer in Dutch."),
}

QUESTIONS = {
    "LangChain": "What is my boat called?",
    "LangGraph": "Where does my sister live?",
    "LlamaIndex": "What do I play on Thursdays?",
    "CrewAI": "What am I allergic to?",
    "AutoGen": "Which language should you answer in?",
}


def main(*, live: bool) -> None:
    """Give each framework one fact, then ask each for a fact that another one heard."""
    with ExitStack() as stack:
        model = stack.enter_context(openai_model() if live else scripted_model())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        memory = stack.enter_context(Memory(Path(folder) / "memory.db", llm="rules", embedder="hashing"))
        for name, (framework, fact) in FRAMEWORKS.items():
            run_in_new_loop(framework(memory, model), fact)
            print(f"{name} hears: {fact}")
        print()
        for name, question in QUESTIONS.items():
            # A new agent each time, which shares only the memory with the first one.
            answer = run_in_new_loop(FRAMEWORKS[name][0](memory, model), question)
            print(f"{name} is asked: {question}\n{name} answers: {answer}\n")


def run_in_new_loop(ask: Callable[[str], str], text: str) -> str:
    """Call `ask` with a new event loop, because some of the frameworks close or remove the current one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return ask(text)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def openai_model() -> Iterator[Model]:
    """Yield OpenAI's model."""
    yield Model("gpt-4o-mini", "https://api.openai.com/v1", os.environ["OPENAI_API_KEY"])


@contextmanager
def scripted_model() -> Iterator[Model]:
    """Yield a model on this machine that answers with the recalled memory most similar to the question."""
    with scripted_openai_server(recite) as server:
        yield Model("gpt-4o-mini", server.base_url, "none")


def recite(request: Mapping[str, Any]) -> str:
    """Answer with the recalled line that shares the most words with the question."""
    shown = "\n".join(_text(message["content"]) for message in request["messages"])
    recalled = re.findall(r"^- \[\S+\] (.+)$", shown, re.MULTILINE)
    question = _words(next(iter(re.findall(r"[^.\n]*\?", shown)[-1:]), ""))
    return max(recalled, key=lambda line: len(question & _words(line)), default="Noted.")


def _words(text: str) -> set[str]:
    return {word.lower()[:5] for word in re.findall(r"\w{4,}", text)}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content or [])


if __name__ == "__main__":
    main(live="--live" in sys.argv[1:])
