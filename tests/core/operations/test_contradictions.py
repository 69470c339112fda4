"""Contradictions told at the same moment end with one current memory, whoever decides."""

import asyncio
import json
import re
import subprocess
import sys
import threading

import pytest

from holdfast import AsyncMemory, Memory
from holdfast.testing import ScriptedChatModel

CITIES = ["Lisbon", "Porto", "Rome", "Oslo", "Bonn"]


def current(memory, **scope):
    return [item["memory"] for item in memory.get_all(**(scope or {"user_id": "ana"}))["results"]]


class Deciding(ScriptedChatModel):
    """A model that takes the home from the turn, and updates the home that it is shown; it asks all threads to wait."""

    def __init__(self, together=1):
        super().__init__([])
        self._barrier = threading.Barrier(together)
        self._waited = threading.local()
        self.decided = 0

    def complete(self, messages, **_):
        asked = messages[-1]["content"]
        if "<facts>" not in asked:
            city = re.findall(r"I live in (\w+)", asked)[-1]  # earlier turns come first
            return json.dumps({"facts": [{"text": f"Lives in {city}", "turn": 0, "attributed_to": "user"}]})
        if not getattr(self._waited, "done", False):
            self._waited.done = True
            self._barrier.wait(10)
        self.decided += 1
        return json.dumps({"decisions": [{"fact": 0, "event": "UPDATE", "memory": 0}]})


def together(calls):
    """Run all calls in threads that start at the same moment, and raise what they raise."""
    barrier, failures = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait(10)
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("known", [[], ["I live in Vienna."]], ids=["nothing known", "a home known"])
@pytest.mark.parametrize("round_", range(5))
def test_threads_that_tell_several_homes_leave_one(tmp_path, known, round_):
    with Memory(tmp_path / f"{round_}.db", llm="rules", embedder="hashing") as memory:
        for text in known:
            memory.add(text, user_id="ana")
        together([lambda city=city: memory.add(f"I live in {city}.", user_id="ana") for city in CITIES])
        (left,) = current(memory)
        assert left in {f"I live in {city}." for city in CITIES}
        assert memory.doctor()["healthy"]


@pytest.mark.parametrize("known", [[], ["I live in Vienna."]], ids=["nothing known", "a home known"])
async def test_tasks_that_tell_several_homes_leave_one(tmp_path, known):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        for text in known:
            await memory.add(text, user_id="ana")
        adds = [memory.add(f"I live in {city}.", user_id="ana") for city in CITIES * 4]
        results = await asyncio.gather(*adds)
        assert len((await memory.get_all(user_id="ana"))["results"]) == 1
        # Every add either changed something or names what it repeats.
        assert all(result["results"] or result["skipped"] for result in results)


def test_models_that_decide_at_the_same_moment_leave_one_home(tmp_path):
    model = Deciding()
    with Memory(tmp_path / "memory.db", llm=model, embedder="hashing") as memory:
        together([lambda city=city: memory.add(f"I live in {city}", user_id="ana") for city in CITIES])
        (left,) = current(memory)
        assert left in {f"Lives in {city}" for city in CITIES}


def test_models_that_decide_on_one_memory_at_the_same_moment_leave_one_home(tmp_path):
    model = Deciding(len(CITIES))
    with Memory(tmp_path / "memory.db", llm=model, embedder="hashing") as memory:
        memory.add("I live in Vienna", user_id="ana")
        together([lambda city=city: memory.add(f"I live in {city}", user_id="ana") for city in CITIES])
        (left,) = current(memory)
        assert left in {f"Lives in {city}" for city in CITIES}
        assert model.decided > len(CITIES)


def test_several_homes_that_are_left_are_closed_by_the_next(tmp_path):
    facts = [{"facts": [{"text": f"I live in {city}.", "turn": 0}]} for city in CITIES]
    replies = [facts[0], *(reply for one in facts[1:] for reply in (one, {"decisions": []}))]
    with Memory(tmp_path / "memory.db", llm=ScriptedChatModel(replies), embedder="hashing") as memory:
        for city in CITIES:
            memory.add(f"I live in {city}.", user_id="ana")
        assert len(current(memory)) == len(CITIES)  # the model has overlooked the contradiction
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        memory.add("I have a cat called Tom. I like Rome.", user_id="ana")
        result = memory.add("I moved to Ghent.", user_id="ana")
        assert sorted(event["event"] for event in result["results"]) == ["DELETE"] * 4 + ["UPDATE"]
        assert sorted(current(memory)) == ["I have a cat called Tom.", "I like Rome.", "I moved to Ghent."]


def test_an_update_of_a_model_closes_every_home_it_contradicts(tmp_path):
    facts = [{"facts": [{"text": f"I live in {city}.", "turn": 0}]} for city in CITIES]
    decisions = [*[{"decisions": []}] * 3, {"decisions": [{"fact": 0, "event": "UPDATE", "memory": 1}]}]
    replies = [facts[0], *(reply for pair in zip(facts[1:], decisions, strict=True) for reply in pair)]
    with Memory(tmp_path / "memory.db", llm=ScriptedChatModel(replies), embedder="hashing") as memory:
        for city in CITIES:
            memory.add(f"I live in {city}.", user_id="ana")
        assert current(memory) == ["I live in Bonn."]


def test_what_may_hold_several_values_is_left_alone():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        texts = ["I have a cat called Tom.", "I have a dog called Rex.", "I like tea.", "I like coffee."]
        for text in texts:
            memory.add(text, user_id="ana")
        memory.add("I now have a horse called Bo.", user_id="ana")
        assert set(texts) <= set(current(memory))


def test_processes_that_tell_several_homes_leave_one(tmp_path):
    path = tmp_path / "memory.db"
    Memory(path, llm="rules", embedder="hashing").close()
    program = """
import sys
from holdfast import Memory
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
memory.search("home", user_id="ana")
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    memory.add(f"I live in {sys.argv[2]}{number}.", user_id="ana")
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), city], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for city in CITIES[:3]
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with Memory(path, llm="rules", embedder="hashing") as memory:
        assert len(current(memory)) == 1
