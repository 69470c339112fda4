"""The log of an earlier file is set aside, named and kept; a new store starts empty beside it."""

import errno
import os
import shutil
import sys

import pytest

from holdfast import Memory
from holdfast.errors import StorageError

RULES = {"llm": "rules", "embedder": "hashing"}

KILLED = """
import os, sys
from holdfast import Memory
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
for number in range(int(sys.argv[2])):
    memory.add(f"secret {number}", user_id="ana", infer=False)
os._exit(0)
"""


def stale_files(folder):
    return sorted(file.name.split(".stale-")[0] for file in folder.iterdir() if ".stale-" in file.name)


@pytest.mark.parametrize("count", [3, 30, pytest.param(600, marks=pytest.mark.slow)])
def test_a_log_without_its_file_is_set_aside_and_never_applied(output_of, tmp_path, caplog, count):
    path = tmp_path / "memory.db"
    output_of(KILLED, path, count)
    log = (tmp_path / "memory.db-wal").read_bytes()
    assert b"secret" in log
    path.unlink()
    with Memory(path, **RULES) as memory:
        assert memory.get_all(user_id="ana")["results"] == []
        memory.add("I play the cello", user_id="ana", infer=False)
        assert memory.doctor()["healthy"]
    with Memory(path, **RULES) as memory:
        assert [item["memory"] for item in memory.get_all(user_id="ana")["results"]] == ["I play the cello"]
    assert stale_files(tmp_path) == ["memory.db-shm", "memory.db-wal"]
    (kept,) = tmp_path.glob("memory.db-wal.stale-*")
    assert kept.read_bytes() == log
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert kept.name in warning


def test_the_kept_log_and_the_kept_file_are_a_store_again(output_of, tmp_path):
    path = tmp_path / "memory.db"
    output_of(KILLED, path, 30)
    path.rename(tmp_path / "moved.db")
    Memory(path, **RULES).close()
    (log,) = tmp_path.glob("memory.db-wal.stale-*")
    log.rename(tmp_path / "moved.db-wal")
    with Memory(tmp_path / "moved.db", **RULES) as memory:
        assert len(memory.get_all(user_id="ana", limit=100)["results"]) == 30
        assert memory.doctor()["healthy"]


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
def test_any_file_of_an_earlier_log_is_set_aside(tmp_path, suffix):
    (tmp_path / f"memory.db{suffix}").write_bytes(b"what another program has left")
    with Memory(tmp_path / "memory.db", **RULES) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    assert stale_files(tmp_path) == [f"memory.db{suffix}"]


def test_logs_that_are_left_twice_are_both_kept(start, tmp_path):
    path = tmp_path / "memory.db"
    for _ in range(2):
        start(KILLED, path, 3).communicate(timeout=30)
        path.unlink()
    Memory(path, **RULES).close()
    assert stale_files(tmp_path) == ["memory.db-shm", "memory.db-shm", "memory.db-wal", "memory.db-wal"]


@pytest.mark.parametrize("size", [0, 100])
def test_a_cut_file_is_reported_with_its_log_and_neither_is_touched(output_of, tmp_path, size):
    path = tmp_path / "memory.db"
    output_of(KILLED, path, 30)
    os.truncate(path, size)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(StorageError, match=r"move it away with memory\.db-wal, which may hold memories"):
        Memory(path, **RULES)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def fill(path, texts):
    with Memory(path, **RULES) as memory:
        for text in texts:
            memory.add(text, user_id="ana", infer=False)


@pytest.mark.parametrize("put", [shutil.copy, shutil.copy2, shutil.move])
@pytest.mark.parametrize(
    ("later", "unsaved", "is_same_store"),
    [(200, 30, True), (200, 1, True), (0, 30, False), (5, 600, False)],
)
def test_a_backup_over_the_file_of_a_killed_program_is_never_mixed_with_its_log(
    output_of, tmp_path, put, later, unsaved, is_same_store
):
    path, backup = tmp_path / "memory.db", tmp_path / "backup.db"
    texts = {f"backup {number}" for number in range(20)}
    fill(path if is_same_store else backup, texts)
    if is_same_store:
        shutil.copy(path, backup)
    fill(path, [f"later {number}" for number in range(later)])
    output_of(KILLED, path, unsaved)
    put(backup, path)
    log = tmp_path / "memory.db-wal"
    before = path.read_bytes(), log.read_bytes()
    with pytest.raises(StorageError, match=r"memory\.db-wal beside it is the log of the earlier file: move that away"):
        Memory(path, **RULES)
    assert (path.read_bytes(), log.read_bytes()) == before
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"memory.db{suffix}").rename(tmp_path / f"away{suffix}")
    with Memory(path, **RULES) as memory:
        assert {item["memory"] for item in memory.get_all(user_id="ana", limit=1000)["results"]} == texts
        assert memory.doctor()["healthy"]


def test_a_copy_of_the_file_with_its_log_opens_with_everything(output_of, tmp_path):
    path = tmp_path / "memory.db"
    output_of(KILLED, path, 30)
    (tmp_path / "copy").mkdir()
    for suffix in ("-wal", ""):  # the file is newer than its log
        shutil.copy(f"{path}{suffix}", tmp_path / "copy")
    with Memory(tmp_path / "copy" / "memory.db", **RULES) as memory:
        assert len(memory.get_all(user_id="ana", limit=100)["results"]) == 30
        assert memory.doctor()["healthy"]


STARTING = """
import sys
from holdfast import Memory
print("ready", flush=True)
sys.stdin.readline()
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
for number in range(5):
    memory.add(f"{sys.argv[2]} {number}", user_id="ben", infer=False)
print(len(memory.get_all(user_id="ana")["results"]))
"""


@pytest.mark.slow
def test_processes_that_start_at_once_set_the_old_log_aside_and_lose_nothing_of_their_own(start, output_of, tmp_path):
    path = tmp_path / "memory.db"
    for number in range(3):
        output_of(KILLED, path, 30)
        path.unlink()
        running = [start(STARTING, path, f"{number} {me}") for me in range(4)]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            printed, complaints = process.communicate(timeout=60)
            assert printed == "0\n", complaints
        with Memory(path, **RULES) as memory:
            assert len(memory.get_all(user_id="ben", limit=100)["results"]) == 20
            assert memory.doctor()["healthy"]
        assert stale_files(tmp_path).count("memory.db-wal") == number + 1


# `os.link` fails as it does on exFAT and on many network and FUSE file systems.
WITHOUT_LINKS = """
import errno, os, sys
def refuse(*_, **__):
    raise OSError(int(sys.argv[3]), os.strerror(int(sys.argv[3])))
os.link = refuse
"""


@pytest.mark.slow
@pytest.mark.parametrize("error", ["EPERM", "ENOTSUP", "EMLINK", "EXDEV"])
def test_a_file_system_without_hard_links_holds_a_store(start, tmp_path, error):
    path = tmp_path / "memory.db"
    running = [start(WITHOUT_LINKS + STARTING, path, me, getattr(errno, error)) for me in range(4)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        printed, complaints = process.communicate(timeout=60)
        assert printed == "0\n", complaints
    with Memory(path, **RULES) as memory:
        assert len(memory.get_all(user_id="ben", limit=100)["results"]) == 20
        assert memory.doctor()["healthy"]
    assert {file.name for file in tmp_path.iterdir()} <= {"memory.db", "memory.db-wal", "memory.db-shm"}


KILLED_WHILE_NAMING = """
import os, sys
def refuse(*_, **__):
    raise PermissionError("no hard links here")
os.link = refuse
def die(event, arguments):
    if event == "os.rename":
        os._exit(0)
sys.addaudithook(die)
from holdfast import Memory
Memory(sys.argv[1], llm="rules", embedder="hashing")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no rename over a file here")
def test_a_store_whose_creation_was_killed_is_created_by_the_next_start(output_of, tmp_path):
    path = tmp_path / "memory.db"
    output_of(KILLED_WHILE_NAMING, path)
    assert not path.exists()
    with Memory(path, **RULES) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
        assert memory.doctor()["healthy"]
