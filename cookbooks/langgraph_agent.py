"""A travel assistant in LangGraph that remembers its travellers across conversations and restarts.

python cookbooks/langgraph_agent.py           # offline, with a scripted model
python cookbooks/langgraph_agent.py --live    # with OpenAI's model, needs OPENAI_API_KEY and langchain-openai
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from holdfast import Memory
from holdfast_langgraph import (
    FROM_CONFIG,
    HoldfastStore,
    MemoryState,
    messages_with_memories,
    retrieve_node,
    update_node,
)

SCRIPT = [
    "Lovely! I will look for places without peanuts, and for aisle seats.",
    "From Porto then: an aisle seat on the train to Hendaye, and on by night.",
    "In Porto, since you moved there.",
    "Welcome! Where would you like to go?",
]

MESSAGES = [
    ("ana", "monday", "I'm allergic to peanuts and I prefer aisle seats. I live in Lisbon."),
    ("ana", "friday", "I moved to Porto. How do I get to Berlin from my home town?"),
    ("ana", "sunday", "Where do I live?"),
    ("ben", "sunday", "What do you know about my allergies and my home town?"),
]


@dataclass
class Traveller:
    """The context of a run, set by the program, so that no model can choose another user."""

    user_id: str


def build(memory: Memory, model: BaseChatModel) -> Any:
    """Return the assistant: it recalls, answers, remembers, and counts the turns in the store."""

    def answer(state: MemoryState) -> dict[str, Any]:
        return {"messages": [model.invoke(messages_with_memories(state))]}

    def count(state: MemoryState, runtime: Runtime[Traveller]) -> dict[str, Any]:
        store, travels = get_store(), ("travels", runtime.context.user_id)
        item = store.get(travels, "talks")
        turns = item.value["turns"] + 1 if item else 1
        store.put(travels, "talks", {"turns": turns, "last_answer": state["messages"][-1].text})
        return {}

    graph = StateGraph(MemoryState, context_schema=Traveller)
    graph.add_node("retrieve", retrieve_node(memory, user_id=FROM_CONFIG))
    graph.add_node("answer", answer)
    graph.add_node("update", update_node(memory, user_id=FROM_CONFIG))
    graph.add_node("count", count)
    graph.add_edge(START, "retrieve").add_edge("retrieve", "answer")
    graph.add_edge("answer", "update").add_edge("update", "count")
    return graph.compile(checkpointer=InMemorySaver(), store=HoldfastStore(memory, app_id="travel"))


def main(arguments: Sequence[str]) -> None:
    """Talk with two travellers; the memory is closed and opened again for each message."""
    live = "--live" in arguments
    engines: dict[str, Any] = {} if live else {"llm": "rules", "embedder": "hashing"}
    model = _live_model() if live else FakeListChatModel(responses=SCRIPT)
    with tempfile.TemporaryDirectory() as folder:
        for user_id, thread, text in MESSAGES:
            with Memory(Path(folder) / "travel.db", **engines) as memory:
                agent = build(memory, model)
                config = {"configurable": {"thread_id": f"{user_id}-{thread}"}}
                state = agent.invoke({"messages": [("user", text)]}, config, context=Traveller(user_id))
                print(f"\n{user_id}, {thread}: {text}")
                print(f"  recalled: {state.get('memories') or 'nothing'}")
                print(f"  answered: {state['messages'][-1].text}")
        with Memory(Path(folder) / "travel.db", **engines) as memory:
            known = [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
            print("\nKnown about ana:", *known, sep="\n  ")
            turns = HoldfastStore(memory, app_id="travel").get(("travels", "ana"), "talks")
            print(f"\nTurns with ana: {turns.value['turns'] if turns else 0}")


def _live_model() -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="gpt-4o-mini")


if __name__ == "__main__":
    main(sys.argv[1:])
