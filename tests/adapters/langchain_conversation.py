"""LangChain's own agents and chains with a scripted model and our memory."""

import os
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.runnables.history import RunnableWithMessageHistory
from pydantic import Field
from tests.contracts.adapter_contract import Conversation

import holdfast_langchain


def call(name: str, **arguments: Any) -> AIMessage:
    """Return a model's message that only calls a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": "call-1"}])


class ScriptedModel(BaseChatModel):
    """A model with scripted replies; `shown` has the messages of each call."""

    reply: Callable[[list[BaseMessage]], str | AIMessage] = Field(default=lambda _: "Noted.", exclude=True)
    shown: list[list[BaseMessage]] = Field(default_factory=list, exclude=True)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, *_: Any, **__: Any) -> "ScriptedModel":
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.shown.append(list(messages))
        reply = self.reply(messages)
        message = AIMessage(reply) if isinstance(reply, str) else reply
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self._generate(messages)

    def shown_last(self) -> str:
        return "\n".join(str(message.content) for message in self.shown[-1])


class AgentConversation:
    """An agent of `create_agent` with the middleware."""

    def __init__(self, memory, **options):
        from langchain.agents import create_agent  # noqa: PLC0415 - the other conversations do without
        from langgraph.checkpoint.memory import InMemorySaver  # noqa: PLC0415

        self.model = ScriptedModel()
        middleware = [holdfast_langchain.MemoryMiddleware(memory=memory, **options)]
        self.agent = create_agent(self.model, middleware=middleware, checkpointer=InMemorySaver())

    def say(self, text: str) -> str:
        self.agent.invoke({"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": "one"}})
        return self.model.shown_last()


class ChainConversation:
    """A classic `ConversationChain` with the chain memory."""

    def __init__(self, memory, **options):
        try:
            from langchain_classic.chains import ConversationChain  # noqa: PLC0415
        except ImportError:
            from langchain.chains import ConversationChain  # noqa: PLC0415

        self.model = ScriptedModel()
        self.chain = ConversationChain(
            llm=self.model, memory=holdfast_langchain.HoldfastMemory(memory=memory, **options)
        )

    def say(self, text: str) -> str:
        self.chain.invoke({"input": text})
        return self.model.shown_last()


class RunnableConversation:
    """A chain of runnables with the retriever, in LangChain's runner of message histories."""

    def __init__(self, memory, **options):
        self.model = ScriptedModel()
        retriever = holdfast_langchain.HoldfastRetriever(memory=memory, **options)
        prompt = ChatPromptTemplate.from_messages(
            [("system", "Known: {known}"), MessagesPlaceholder("history"), ("human", "{question}")]
        )
        known = RunnableLambda(lambda given: given["question"]) | retriever | _joined
        self.chain = RunnableWithMessageHistory(
            RunnablePassthrough.assign(known=known) | prompt | self.model,
            lambda session_id: holdfast_langchain.HoldfastChatMessageHistory(
                memory=memory, run_id=session_id, **options
            ),
            input_messages_key="question",
            history_messages_key="history",
        )
        self.session = str(uuid4())

    def say(self, text: str) -> str:
        self.chain.invoke({"question": text}, {"configurable": {"session_id": self.session}})
        return self.model.shown_last()


def _joined(documents: Sequence[Any]) -> str:
    return "\n".join(document.page_content for document in documents)


def conversation(memory: Any, *, user_id: str, on_error: str = "log") -> Conversation:
    """Return a new conversation of LangChain's with `memory` in it."""
    return AgentConversation(memory, user_id=user_id, on_error=on_error)
