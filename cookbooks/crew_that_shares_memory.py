"""Crews that share a memory: two agents plan a trip, and next month another crew knows the traveller.

python cookbooks/crew_that_shares_memory.py            # offline, with a scripted model
python cookbooks/crew_that_shares_memory.py --live     # with OpenAI's model, needs OPENAI_API_KEY
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import LLM, Agent, Crew, Task  # after its environment variables are set

from holdfast import Memory
from holdfast.testing import scripted_openai_server
from holdfast_crewai import crew_memory

USER = "ana"
BRIEF = "I live in Lisbon. I never fly. I'm allergic to peanuts. Find me a way to Porto in May."
LATER = "Where should I eat in Madrid, and how do I get there?"


def main() -> None:
    """Plan a trip with one crew, and the next trip with another one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", action="store_true", help="use OpenAI instead of the script")
    live = parser.parse_args().live
    logging.getLogger("crewai").setLevel(logging.ERROR)  # a scripted model cannot count tokens
    with (
        tempfile.TemporaryDirectory() as folder,
        open_model(live=live) as model,
        open_memory(folder, live=live) as memory,
    ):
        print("May")
        answer = planning_crew(model, memory).kickoff(inputs={"request": BRIEF})
        print("  user:", BRIEF, "\n  crew:", answer.raw)

        print("\nRemembered of the user")
        for item in memory.get_all(user_id=USER)["results"]:
            print("  -", item["memory"])

        print("\nJune, another crew")
        answer = dining_crew(model, memory).kickoff(inputs={"request": LATER})
        print("  user:", LATER, "\n  crew:", answer.raw)

        print("\nThe same question from someone else")
        answer = dining_crew(model, memory, user_id="ben").kickoff(inputs={"request": LATER})
        print("  crew:", answer.raw)


def planning_crew(model: LLM, memory: Memory) -> Crew:
    """Return a crew of two agents; the second uses what the first one heard."""
    scout = Agent(role="Scout", goal="Find connections.", backstory="You know every timetable.", llm=model)
    host = Agent(role="Host", goal="Make people feel at home.", backstory="You know every kitchen.", llm=model)
    return Crew(
        agents=[scout, host],
        tasks=[
            Task(description="{request}", expected_output="One connection.", agent=scout),
            Task(description="Suggest a restaurant there.", expected_output="One restaurant.", agent=host),
        ],
        memory=crew_memory(memory=memory, user_id=USER),
    )


def dining_crew(model: LLM, memory: Memory, user_id: str = USER) -> Crew:
    """Return a crew of one other agent, which shares only the memory."""
    guide = Agent(role="Guide", goal="Answer briefly.", backstory="You know Madrid.", llm=model)
    task = Task(description="{request}", expected_output="A restaurant and a connection.", agent=guide)
    return Crew(agents=[guide], tasks=[task], memory=crew_memory(memory=memory, user_id=user_id))


@contextmanager
def open_memory(folder: str, *, live: bool) -> Iterator[Memory]:
    """Open a memory, with engines that need no key unless `live`."""
    engines = {"llm": "openai", "embedder": "openai"} if live else {"llm": "rules", "embedder": "hashing"}
    with Memory(Path(folder) / "memory.db", **engines) as memory:
        yield memory


@contextmanager
def open_model(*, live: bool) -> Iterator[LLM]:
    """Yield the model of the agents: OpenAI's, or a scripted one with a server on this machine."""
    if live:
        yield LLM(model="openai/gpt-4o-mini")
        return
    with scripted_openai_server(scripted_answer) as server:
        yield LLM(model="openai/gpt-4o", base_url=server.base_url, api_key="scripted")


def scripted_answer(request: dict[str, Any]) -> str:
    """Answer from what the prompt shows, and from nothing else."""
    prompt = str(request["messages"][-1]["content"])
    recalled = prompt.partition("<recalled-memory>")[2].partition("</recalled-memory>")[0]
    kitchen = "a kitchen without peanuts" if "peanuts" in recalled else "any kitchen"
    travel = "by train" if "never fly" in recalled else "by plane"
    if "Find me a way" in prompt:
        return "The train at nine, from Santa Apolonia."
    if "Suggest a restaurant there" in prompt:
        return f"Cantinho, {kitchen}."
    return f"La Tasca, {kitchen}; go {travel}."


if __name__ == "__main__":
    main()
