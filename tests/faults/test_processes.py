"""Processes that share one file never lose, repeat or hide what another one stored."""

import os

import pytest
from tests.torture.races import race

from holdfast import Memory

ADDING = """
import sys
from holdfast import Memory
path, me, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Memory(path, llm="rules", embedder="hashing") as memory:
    for number in range(count):
        user = f"user{number % 3}"
        (added,) = memory.add(f"process {me} says word{me}x{number}", user_id=user, infer=False)["results"]
        print(added["id"], added["memory"], flush=True)
        memory.add(f"everyone says word{number}", user_id="shared", infer=False)
        assert memory.search(f"word{me}x{number}", user_id=user, limit=1)["results"][0]["id"] == added["id"]
"""


def together(start, path, processes, count):
    """Let `processes` add `count` memories each at once; return the texts that were acknowledged, by id."""
    running = [start(ADDING, path, me, count) for me in range(processes)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    acknowledged = {}
    for process in running:
        printed, complaints = process.communicate(timeout=30)
        assert process.returncode == 0, complaints
        acknowledged |= dict(line.split(" ", 1) for line in printed.splitlines())
    return acknowledged


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "count"), [(2, 60), (5, 30)])
def test_processes_that_add_at_once_lose_and_repeat_nothing(start, tmp_path, processes, count):
    path = tmp_path / "memory.db"
    acknowledged = together(start, path, processes, count)
    assert len(acknowledged) == processes * count
    with Memory(path, llm="rules", embedder="hashing") as memory:
        kept = memory.get_all(filters={"user_id": "*"}, limit=100_000)["results"]
        diagnosis = memory.doctor()
    texts = {item["id"]: item["memory"] for item in kept if item["user_id"] != "shared"}
    assert texts == acknowledged
    shared = sorted(item["memory"] for item in kept if item["user_id"] == "shared")
    assert shared == sorted(f"everyone says word{number}" for number in range(count))
    assert diagnosis["healthy"]


@pytest.mark.slow
def test_eight_processes_open_one_new_file_at_once(start, tmp_path):
    path = tmp_path / "new" / "memory.db"
    path.parent.mkdir()
    assert len(together(start, path, 8, 1)) == 8
    # When two processes close at once, each may leave SQLite's log to the other; the next one to open reads it.
    logs = {"memory.db-wal", "memory.db-shm"}
    assert {file.name for file in path.parent.iterdir()} - logs == {"memory.db"}


def test_the_next_search_finds_what_another_process_added(start, tmp_path):
    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder="hashing") as memory:
        assert memory.search("anything", user_id="user0")["results"] == []
        (first,) = together(start, path, 1, 1)
        assert [item["id"] for item in memory.search("says", user_id="user0")["results"]] == [first]
        memory.delete(first)
        (second,) = together(start, path, 1, 1)
        assert [item["id"] for item in memory.search("says", user_id="user0")["results"]] == [second]


FORKING = """
import os, sys, time
from holdfast import Memory
path, who_closes_first = sys.argv[1:]
memory = Memory(path, llm="rules", embedder="hashing")
memory.add("before the fork", user_id="ana", infer=False)
memory.add([{"role": "user", "content": f"other {number}"} for number in range(20)], user_id="ben", infer=False)
memory.search("fork", user_id="ana")
reading, writing = os.pipe()
child = os.fork()
me = "parent" if child else "child"
for number in range(20):
    memory.add(f"{me} number {number}", user_id="ana", infer=False)
    found = memory.search(f"{me} number {number}", user_id="ana", limit=1)["results"]
    assert found[0]["memory"] == f"{me} number {number}", found
if me != who_closes_first:
    if not child:
        os.close(writing)
        os.read(reading, 1)  # returns when the parent has closed its end
    else:
        os.waitpid(child, 0)
    memory.add(f"{me} goes on alone", user_id="ana", infer=False)
memory.close()
if child:
    os.close(writing)
    if me == who_closes_first:
        os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("first", ["parent", "child"])
def test_both_sides_of_a_fork_keep_working(output_of, tmp_path, first):
    path = tmp_path / "memory.db"
    output_of(FORKING, path, first)
    with Memory(path, llm="rules", embedder="hashing") as memory:
        kept = {item["memory"] for item in memory.get_all(user_id="ana", limit=100)["results"]}
        assert memory.doctor()["healthy"]
    both = {f"{me} number {number}" for me in ("parent", "child") for number in range(20)}
    last = "child" if first == "parent" else "parent"
    assert kept == {"before the fork", *both, f"{last} goes on alone"}


BUSY_FORK = """
import os, sys, threading
from holdfast import Memory
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
memory.add("before the threads", user_id="ana", infer=False)
memory.search("threads", user_id="ana")  # Python cannot fork during an import
done = threading.Event()
def busy(me):
    number = 0
    while not done.is_set():
        memory.add(f"thread {me} number {number}", user_id="ana", infer=False)
        memory.search("number", user_id="ana", limit=1)
        number += 1
threads = [threading.Thread(target=busy, args=[me]) for me in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(10):
    child = os.fork()
    if not child:
        memory.add(f"child {number}", user_id="ben", infer=False)
        assert memory.search(f"child {number}", user_id="ben", limit=1)["results"]
        os._exit(0)
    children.append(child)
statuses = [os.waitpid(child, 0)[1] for child in children]
done.set()
for thread in threads:
    thread.join()
memory.close()
print(statuses)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_threads_write_is_intact_on_both_sides(start, tmp_path):
    path = tmp_path / "memory.db"
    printed, complaints = start(BUSY_FORK, path).communicate(timeout=30)
    assert printed == f"{[0] * 10}\n", complaints
    with Memory(path, llm="rules", embedder="hashing") as memory:
        assert len(memory.get_all(user_id="ben")["results"]) == 10
        assert memory.doctor()["healthy"]


@pytest.mark.slow
def test_every_verb_in_processes_with_threads_loses_nothing_and_isolates_users(tmp_path):
    tally = race(tmp_path, operations=320, seed=1, processes=4, threads=2)
    assert tally.is_clean, tally.failures()
