"""kill -9 at any moment: acknowledged memories are there, others are there whole or not at all."""

import random
import time
from collections import Counter

import pytest
from tests.torture.calls import PLANS, WRITING
from tests.torture.kills import kill_writers

from holdfast import Memory

KILLS = 24

ADDING = """
import sys
from holdfast import Memory
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
number = int(sys.argv[2])
while True:
    said = [{"role": "user", "content": f"part {part} of word{number}"} for part in range(3)]
    added = memory.add(said, user_id=f"user{number % 5}", infer=False)["results"]
    print(number, *[item["id"] for item in added], flush=True)
    number += 1
"""

OPENING = """
import sys
from holdfast import Memory
print("ready", flush=True)
Memory(sys.argv[1], llm="rules", embedder="hashing").add("hello", user_id="ana", infer=False)
print("done", flush=True)
sys.stdin.read()
"""

REEMBEDDING = """
import sys
from holdfast import Memory, HashingEmbedder
memory = Memory(sys.argv[1], llm="rules")
memory.reembed(HashingEmbedder(int(sys.argv[2])), batch_size=10, progress=lambda *done: print(*done, flush=True))
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_no_acknowledged_memory_is_lost_when_the_process_is_killed(start, tmp_path):
    path, chance, acknowledged = tmp_path / "memory.db", random.Random(1), {}
    for kill in range(KILLS):
        process = start(ADDING, path, 1000 * kill)
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 15))]
        time.sleep(chance.random() * 0.01)
        process.kill()
        lines += process.stdout.read().splitlines()
        acknowledged_lines = [line.split() for line in lines if line.count("-") == 12]
        assert acknowledged_lines
        acknowledged |= {int(number): ids for number, *ids in acknowledged_lines}
        with Memory(path, llm="rules", embedder="hashing") as memory:
            for number, *_ in acknowledged_lines[-3:]:
                check_found(memory, int(number), acknowledged)
            diagnosis = memory.doctor()
        assert diagnosis["healthy"], diagnosis
    check_whole(path, acknowledged)


def check_found(memory, number, acknowledged):
    found = memory.search(f"word{number}", user_id=f"user{number % 5}", limit=3)["results"]
    assert {item["id"]: item["memory"] for item in found} == {
        memory_id: f"part {part} of word{number}" for part, memory_id in enumerate(acknowledged[number])
    }


def check_whole(path, acknowledged):
    with Memory(path, llm="rules", embedder="hashing") as memory:
        kept = memory.get_all(filters={"user_id": "*"}, limit=1_000_000)["results"]
    texts = {item["id"]: item["memory"] for item in kept}
    for number, ids in acknowledged.items():
        assert [texts[memory_id] for memory_id in ids] == [f"part {part} of word{number}" for part in range(3)]
    parts = Counter(text.split()[-1] for text in texts.values())
    assert set(parts.values()) == {3}
    assert len(parts) - len(acknowledged) <= KILLS


@pytest.mark.slow
def test_killing_the_process_that_makes_the_file_leaves_it_usable(start, tmp_path):
    chance = random.Random(2)
    for attempt in range(8):
        path = tmp_path / str(attempt) / "memory.db"
        process = start(OPENING, path)
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.random() * 0.06)
        process.kill()
        acknowledged = "done" in process.stdout.read()
        with Memory(path, llm="rules", embedder="hashing") as memory:
            kept = memory.get_all(user_id="ana")["results"]
            assert len(kept) in ({1} if acknowledged else {0, 1})
            assert memory.doctor()["healthy"]


def test_a_process_killed_while_it_re_embeds_leaves_one_embedder_or_the_other(start, tmp_path):
    path, chance, ended = tmp_path / "memory.db", random.Random(2), Counter()
    with Memory(path, llm="rules", embedder="hashing") as memory:
        messages = [{"role": "user", "content": f"part {part} of word7"} for part in range(60)]
        memory.add(messages, user_id="user0", infer=False)
    for kill in range(8):
        dimensions = 64 if kill % 2 else 128
        process = start(REEMBEDDING, path, dimensions)
        for _ in range(chance.randrange(1, 8)):
            if process.stdout.readline() == "done\n":
                break
        process.kill()
        process.stdout.read()
        with Memory(path) as memory:
            ended[memory.engines["embedder"]] += 1
            assert len(memory.search("word7", user_id="user0", limit=100)["results"]) == 60
            diagnosis = memory.doctor()
        assert diagnosis["healthy"], diagnosis
    assert len(ended) > 1
    with Memory(path) as memory:
        assert memory.reembed("hashing")["count"] == 60


@pytest.mark.slow
def test_no_acknowledged_call_of_any_verb_is_lost_when_one_of_two_writers_is_killed(tmp_path):
    tally = kill_writers(tmp_path, kills=16, seed=1)
    assert tally.is_clean, tally.failures()


def test_every_writing_verb_is_tortured():
    assert set(PLANS) == set(WRITING)
