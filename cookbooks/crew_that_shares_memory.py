"""A crew that shares memory: two agents plan a trip, and next month another crew still knows for whom.

python cookbooks/crew_that_shares_memory.py            a scripted model, offline
python cookbooks/crew_that_shares_memory.py --live     OpenAI's, with OPENAI_API_KEY
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

from crewai import LLM, Agent, Crew, Task  # after its switches are set

from holdfast import Memory
from holdfast.testing import scripted_openai_server
from holdfast_crewai import crew_memory

USER = "ana"
BRIEF = "I live in Lisbon. I never fly. I'm allergic to peanuts. Find me a way to Porto in May."
LATER = "Where should I eat in Madrid, and how do I get there?"


def main() -> None:
    """Plan a trip with one crew and the next one with another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", action="store_true", help="ask OpenAI instead of the script")
    live = parser.parse_args().live
    logging.getLogger("crewai").setLevel(logging.ERROR)  # a scripted model cannot count tokens
    with tempfile.TemporaryDirectory() as folder, a_model(live=live) as model, a_memory(folder, live=live) as memory:
        print("May")
        answer = planning_crew(model, memory).kickoff(inputs={"said": BRIEF})
        print("  user:", BRIEF, "\n  crew:", answer.raw)

        print("\nRemembered of the user")
        for item in memory.get_all(user_id=USER)["results"]:
            print("  -", item["memory"])

        print("\nJune, another crew")
        answer = dining_crew(model, memory).kickoff(inputs={"said": LATER})
        print("  user:", LATER, "\n  crew:", answer.raw)

        print("\nThe same question from someone else")
        answer = dining_crew(model, memory, user_id="ben").kickoff(inputs={"said": LATER})
        print("  crew:", answer.raw)


def planning_crew(model: LLM, memory: Memory) -> Crew:
    """Return two agents, the second of which builds on what the first was told."""
    scout = Agent(role="Scout", goal="Find connections.", backstory="You know every timetable.", llm=model)
    host = Agent(role="Host", goal="Make people feel at home.", backstory="You know every kitchen.", llm=model)
    return Crew(
        agents=[scout, host],
        tasks=[
            Task(description="{said}", expected_output="One connection.", agent=scout),
            Task(description="Suggest a restaurant there.", expected_output="One restaurant.", agent=host),
        ],
        memory=crew_memory(memory=memory, user_id=USER),
    )


def dining_crew(model: LLM, memory: Memory, user_id: str = USER) -> Crew:
    """Return one agent that has never met the others; only the memory connects them."""
    guide = Agent(role="Guide", goal="Answer briefly.", backstory="You know Madrid.", llm=model)
    task = Task(description="{said}", expected_output="A restaurant and a connection.", agent=guide)
    return Crew(agents=[guide], tasks=[task], memory=crew_memory(memory=memory, user_id=user_id))


@contextmanager
def a_memory(folder: str, *, live: bool) -> Iterator[Memory]:
    """Open a memory; without a key the rules extract and words are compared."""
    engines = {"llm": "openai", "embedder": "openai"} if live else {"llm": "rules", "embedder": "hashing"}
    with Memory(Path(folder) / "memory.db", **engines) as memory:
        yield memory


@contextmanager
def a_model(*, live: bool) -> Iterator[LLM]:
    """Return the model of the agents, and with the scripted one a server for it."""
    if live:
        yield LLM(model="openai/gpt-4o-mini")
        return
    with scripted_openai_server(scripted_answer) as server:
        yield LLM(model="openai/gpt-4o", base_url=server.base_url, api_key="scripted")


def scripted_answer(request: dict[str, Any]) -> str:
    """Answer from what the prompt shows, and from nothing else: what is not recalled is not known."""
    prompt = str(request["messages"][-1]["content"])
    knows = prompt.partition("<recalled-memory>")[2].partition("</recalled-memory>")[0]
    kitchen = "a kitchen without peanuts" if "peanuts" in knows else "any kitchen"
    travel = "by train" if "never fly" in knows else "by plane"
    if "Find me a way" in prompt:
        return "The train at nine, from Santa Apolonia."
    if "Suggest a restaurant there" in prompt:
        return f"Cantinho, {kitchen}."
    return f"La Tasca, {kitchen}; go {travel}."


if __name__ == "__main__":
    main()
