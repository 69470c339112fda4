"""AutoGen agents that remember the guests of a restaurant: a group chat and an agentchat agent share one memory.

python cookbooks/autogen_agents.py           # offline, with a scripted model
python cookbooks/autogen_agents.py --live    # with OpenAI's model, needs OPENAI_API_KEY
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autogen import ConversableAgent, GroupChat, GroupChatManager, UserProxyAgent
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ModelInfo
from autogen_ext.models.openai import OpenAIChatCompletionClient

from holdfast import Memory
from holdfast.testing import scripted_openai_server
from holdfast_autogen import MemoryCapability, MemoryChatCompletionContext

COOK = "You are the cook of a small restaurant. Suggest one dish."
CRITIC = "You are a critic. Say in one sentence whether the dish suits the guest."


def group_chat(memory: Memory, model: Mapping[str, str], user_id: str, text: str) -> list[str]:
    """Let a cook and a critic answer a guest, and return their messages."""
    capability = MemoryCapability(memory=memory, user_id=user_id)  # shared, so that the turn is remembered once
    agents = [classic_agent("cook", COOK, model), classic_agent("critic", CRITIC, model)]
    for agent in agents:
        capability.add_to_agent(agent)
    guest = UserProxyAgent("guest", human_input_mode="NEVER", code_execution_config=False)
    chat = GroupChat([guest, *agents], messages=[], max_round=3, speaker_selection_method="round_robin")
    guest.initiate_chat(GroupChatManager(chat, llm_config=False, silent=True), message=text, silent=True)
    return [f"{message['name']}: {message['content']}" for message in chat.messages[1:]]


def classic_agent(name: str, system_message: str, model: Mapping[str, str]) -> ConversableAgent:
    """Return an agent of the classic framework."""
    llm_config = {"config_list": [{**model, "price": [0, 0]}], "cache_seed": None}
    return ConversableAgent(name, system_message=system_message, llm_config=llm_config, human_input_mode="NEVER")


async def waiter(memory: Memory, model: Mapping[str, str], user_id: str, text: str) -> list[str]:
    """Let an agentchat assistant answer a guest, and return its message."""
    info = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)
    client = OpenAIChatCompletionClient(**model, model_info=info)
    context = MemoryChatCompletionContext(memory=memory, user_id=user_id)
    result = await AssistantAgent("waiter", client, model_context=context).run(task=text)
    await client.close()
    return [f"waiter: {result.messages[-1].to_text()}"]


def main(arguments: Sequence[str]) -> None:
    """Serve two guests on three evenings; the memory is closed and opened again for each."""
    live = "--live" in arguments
    engines: dict[str, Any] = {} if live else {"llm": "rules", "embedder": "hashing"}
    with tempfile.TemporaryDirectory() as folder, model_for(live=live) as model:
        path = Path(folder) / "kitchen.db"
        with Memory(path, **engines) as memory:
            replies = group_chat(
                memory, model, "ana", "I'm allergic to peanuts and I love Thai food. What is good today?"
            )
            show("Monday, ana", replies)
        with Memory(path, **engines) as memory:
            show("Friday, ana", group_chat(memory, model, "ana", "What Thai food is good for me today?"))
        with Memory(path, **engines) as memory:
            show("Sunday, ana", asyncio.run(waiter(memory, model, "ana", "Can I have the satay with my allergy?")))
            show("Sunday, ben", asyncio.run(waiter(memory, model, "ben", "Can I have the satay with my allergy?")))
            known = [item["memory"] for item in memory.get_all(user_id="ana")["results"]]
    show("Known about ana", known)


@contextmanager
def model_for(*, live: bool) -> Iterator[dict[str, str]]:
    """Yield the address of a model: OpenAI's, or a server on this machine that answers with `scripted_answer`."""
    if live:
        yield {"model": "gpt-4o-mini", "api_key": os.environ["OPENAI_API_KEY"], "base_url": "https://api.openai.com/v1"}
        return
    with scripted_openai_server(scripted_answer) as server:
        yield {"model": "scripted", "api_key": "none", "base_url": server.base_url}


def scripted_answer(request: Mapping[str, Any]) -> str:
    """Answer from what the model is shown, and from nothing else."""
    shown = "\n".join(str(message["content"]) for message in request["messages"])
    careful = "allergic to peanuts" in shown
    if "critic" in shown.splitlines()[0]:
        return "It suits: no peanuts in it." if careful else "I cannot tell: I know nothing of the guest."
    if "satay" in shown:
        return "Better not: the sauce is made of peanuts." if careful else "Of course."
    return "Pad thai with cashews in place of peanuts." if careful else "Pad thai."


def show(title: str, lines: Sequence[str]) -> None:
    """Print a title and lines."""
    print(f"\n{title}", *lines, sep="\n  ")


if __name__ == "__main__":
    main(sys.argv[1:])
