"""LlamaIndex's own engines and agents with a scripted model and our memory."""

# ruff: noqa: ARG002, FBT001, FBT002 - the signatures are LlamaIndex's

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import Field
from tests.contracts.adapter_contract import Conversation

from holdfast_llamaindex import Mem0Memory

# Warnings that LlamaIndex causes itself: its workflows read every attribute of an agent and use deprecated features.
WARNINGS = (
    "ignore:.*attribute.* is deprecated:DeprecationWarning",
    "ignore:ServiceManager is deprecated:DeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)


def tool_call(name: str, **arguments: Any) -> ChatMessage:
    """Return a model's message that only calls a tool."""
    call = ToolSelection(tool_id="call-1", tool_name=name, tool_kwargs=arguments)
    return ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [call]})


class ScriptedLLM(FunctionCallingLLM):
    """A model with scripted replies; `shown` has the messages of each call."""

    reply: Callable[[list[ChatMessage]], str | ChatMessage] = Field(default=lambda _: "Noted.", exclude=True)
    shown: list[list[ChatMessage]] = Field(default_factory=list, exclude=True)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        self.shown.append([message.model_copy(deep=True) for message in messages])
        reply = self.reply(list(messages))
        message = ChatMessage(role="assistant", content=reply) if isinstance(reply, str) else reply
        return ChatResponse(message=message, delta=message.content)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        answer = self.chat(messages).message
        words = (answer.content or "").split(" ")
        for place, word in enumerate(words):
            so_far = answer.model_copy(update={"blocks": [*answer.blocks]})
            yield ChatResponse(message=so_far, delta=word if place == len(words) - 1 else f"{word} ")

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def chunks() -> Any:
            for chunk in self.stream_chat(messages):
                await asyncio.sleep(0)
                yield chunk

        return chunks()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.chat([ChatMessage(content=prompt)]).message.content or "")

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self.complete(prompt)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _prepare_chat_with_tools(self, tools: Any, **kwargs: Any) -> dict[str, Any]:
        return {"messages": kwargs["chat_history"], "tools": tools}

    def get_tool_calls_from_response(self, response: ChatResponse, **kwargs: Any) -> list[ToolSelection]:
        return response.message.additional_kwargs.get("tool_calls", [])


class Timetable(BaseRetriever):
    """A retriever with one page that names no user."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text="Opening hours: nine to five."), score=1.0)]


class EngineConversation:
    """A conversation with a chat engine."""

    def __init__(self, engine: Any, llm: Any) -> None:
        self.engine, self.llm = engine, llm

    def say(self, text: str) -> str:
        """Let the user say `text`; return everything the model was shown for it."""
        self.llm.shown.clear()
        self.ask(text)
        return shown_text(self.llm)

    def ask(self, text: str) -> str:
        """Let the user say `text`; return the answer."""
        with loop_of_its_own():
            return str(self.engine.chat(text))

    async def run(self, text: str) -> str:
        """Await the answer to `text`."""
        return str(await self.engine.achat(text))


class AgentConversation(EngineConversation):
    """A conversation with an agent."""

    def __init__(self, agent: Any, llm: Any, memory: Mem0Memory) -> None:
        super().__init__(agent, llm)
        self.memory = memory

    def ask(self, text: str) -> str:
        """Let the user say `text`; return the answer."""
        with loop_of_its_own() as loop:
            return loop.run_until_complete(self.run(text))

    async def run(self, text: str) -> str:
        """Await the answer to `text`."""
        return str(await self.engine.run(user_msg=text, memory=self.memory))


@contextmanager
def loop_of_its_own() -> Iterator[asyncio.AbstractEventLoop]:
    """Give this thread an event loop; without one, LlamaIndex's blocking calls create one and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def shown_text(llm: ScriptedLLM) -> str:
    """Return the messages of all calls of a model as one text."""
    return "\n".join(f"{one.role.value}: {one.content}" for call in llm.shown for one in call)


def react(answer: str) -> str:
    """Return an answer in the format of a ReAct agent."""
    return f"Thought: I can answer without any tool.\nAnswer: {answer}"


def engine_or_agent(kind: str, memory: Mem0Memory, llm: Any, **options: Any) -> Any:
    """Return a conversation of one kind: simple, context, condense, function or react."""
    if kind == "simple":
        return EngineConversation(SimpleChatEngine.from_defaults(llm=llm, memory=memory, **options), llm)
    if kind == "context":
        made = ContextChatEngine.from_defaults(retriever=Timetable(), llm=llm, memory=memory, **options)
        return EngineConversation(made, llm)
    if kind == "condense":
        made = CondensePlusContextChatEngine.from_defaults(retriever=Timetable(), llm=llm, memory=memory, **options)
        return EngineConversation(made, llm)
    agent = {"function": FunctionAgent, "react": ReActAgent}[kind]
    return AgentConversation(agent(**{"llm": llm, "tools": [], **options}), llm, memory)


def conversation_of(kind: str, memory: Any, *, user_id: str, on_error: Any = "log") -> Any:
    """Return a new conversation of one kind whose model gives short answers."""
    answer = react("Noted.") if kind == "react" else "Noted."
    llm = ScriptedLLM(reply=lambda _: answer)
    chat_memory = Mem0Memory.from_defaults(memory=memory, user_id=user_id, on_error=on_error)
    return engine_or_agent(kind, chat_memory, llm)


def conversation(memory: Any, *, user_id: str, on_error: Any = "log") -> Conversation:
    """Return a new conversation with LlamaIndex's plainest chat engine."""
    return conversation_of("simple", memory, user_id=user_id, on_error=on_error)
