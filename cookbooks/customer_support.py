"""A customer-support assistant in LangChain with a handbook and a memory of every customer.

python cookbooks/customer_support.py           # offline, with a scripted model
python cookbooks/customer_support.py --live    # with OpenAI's model, needs OPENAI_API_KEY and langchain-openai
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.tools import BaseTool, tool

from holdfast import Memory
from holdfast_langchain import FROM_CONFIG, HoldfastVectorStore, MemoryMiddleware

HANDBOOK = {
    "leak": "When a Brio 2 leaks at the group head, its gasket is worn. Spare part G-58, four euros, five minutes.",
    "descale": "Descale every Brio machine after 200 cups with citric acid, never with vinegar.",
    "shipping": "Spare parts are sent by post and take two days within Portugal.",
}

MESSAGES = [
    ("ana", "Hello, I'm Ana. I own a Brio 2 and I live in Lisbon. It leaks at the group head!"),
    ("ana", "I moved to Porto. How long will the gasket take?"),
    ("ana", "Which machine do I own, and where do you send the part?"),
    ("ben", "Which machine do I own, and where do you send the part?"),
]


def _call_look_up(question: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "look_up", "args": {"question": question}, "id": question}])


SCRIPT = [
    _call_look_up("Brio 2 leaks at the group head"),
    AIMessage("The gasket is worn, Ana. Part G-58 costs four euros; shall I send it?"),
    _call_look_up("how long do spare parts take"),
    AIMessage("Two days to Porto."),
    AIMessage("You own a Brio 2, and the gasket goes to Porto."),
    AIMessage("We have not met yet: which machine is it, and where do you live?"),
]


class ScriptedModel(GenericFakeChatModel):
    """Returns the next message of a script, and prints what it is shown about the customer."""

    def bind_tools(self, *_: Any, **__: Any) -> ScriptedModel:
        """Accept any tools, which the script calls."""
        return self

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **options: Any) -> ChatResult:
        known = [line for line in messages[0].text.splitlines() if line.startswith("- ")]
        print("  (the model is shown:", "; ".join(known) or "nothing about this customer", end=")\n")
        return super()._generate(messages, *arguments, **options)


def handbook_tool(memory: Memory) -> BaseTool:
    """Return a tool that searches the handbook, which is a scope of the same memory."""
    handbook = HoldfastVectorStore(memory=memory, app_id="handbook")
    handbook.add_texts(list(HANDBOOK.values()), ids=list(HANDBOOK))  # adding the same ids again changes nothing

    @tool
    def look_up(question: str) -> str:
        """Look something up in the handbook."""
        return "\n".join(found.page_content for found in handbook.similarity_search(question, k=2))

    return look_up


def build(memory: Memory, model: BaseChatModel) -> Any:
    """Return one assistant for all customers; each run names its customer."""
    return create_agent(
        model,
        [handbook_tool(memory)],
        system_prompt="You help customers of a coffee machine maker. Be brief.",
        middleware=[MemoryMiddleware(memory=memory, user_id=FROM_CONFIG)],
    )


def main(arguments: Sequence[str]) -> None:
    """Answer two customers; the memory is closed and opened again for each message, and nothing else is kept."""
    live = "--live" in arguments
    engines: dict[str, Any] = {} if live else {"llm": "rules", "embedder": "hashing"}
    model = _live_model() if live else ScriptedModel(messages=iter(SCRIPT))
    with tempfile.TemporaryDirectory() as folder:
        for customer, text in MESSAGES:
            print(f"\n{customer}: {text}")
            with Memory(Path(folder) / "support.db", **engines) as memory:
                assistant = build(memory, model)
                state = assistant.invoke({"messages": [("user", text)]}, {"configurable": {"user_id": customer}})
            print(f"assistant: {state['messages'][-1].text}")
        with Memory(Path(folder) / "support.db", **engines) as memory:
            known = [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
            print("\nKnown about ana:", *known, sep="\n  ")


def _live_model() -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="gpt-4o-mini")


if __name__ == "__main__":
    main(sys.argv[1:])
