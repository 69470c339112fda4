"""A conversation through a LangGraph graph: recall, answer, remember, with a checkpointer between turns."""

import os

os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

from itertools import count

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from holdfast_langgraph import MemoryState, messages_with_memories, retrieve_node, update_node


def replies():
    """Return endless replies, each a new message object."""
    return GenericFakeChatModel(messages=(AIMessage(f"Noted, {number}.") for number in count(1)))


def build(memory, *, model=None, shown=None, checkpointer=None, context_schema=None, **ids):
    """Return a compiled graph; the messages its model gets are appended to `shown`."""
    model = model or replies()
    shown = [] if shown is None else shown

    def answer(state):
        messages = messages_with_memories(state)
        shown.append(messages)
        return {"messages": [model.invoke(messages)]}

    graph = StateGraph(MemoryState, context_schema=context_schema)
    graph.add_node("retrieve", retrieve_node(memory, **ids))
    graph.add_node("answer", answer)
    graph.add_node("update", update_node(memory, **ids))
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", "update")
    return graph.compile(checkpointer=checkpointer)


class GraphConversation:
    """One thread of a new graph."""

    def __init__(self, memory, *, user_id, on_error="log"):
        self._shown = []
        self.saver = InMemorySaver()
        self.graph = build(memory, shown=self._shown, checkpointer=self.saver, user_id=user_id, on_error=on_error)
        self.config = {"configurable": {"thread_id": "one"}}

    def say(self, text):
        self.graph.invoke({"messages": [("user", text)]}, self.config)
        return "\n".join(str(message.content) for message in self._shown[-1])


def conversation(memory, *, user_id, on_error="log"):
    """Return a new conversation."""
    return GraphConversation(memory, user_id=user_id, on_error=on_error)
