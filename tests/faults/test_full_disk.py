"""A full disk raises, leaves nothing half done, and everything works again once there is room."""

import contextlib
import os
import subprocess
import sys

import pytest
from tests.torture.disks import fill_disks

from holdfast import Memory
from holdfast.errors import StorageError

LIMITED = """
import os, resource, signal, sys
from holdfast import Memory
from holdfast.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
memory = Memory(sys.argv[1], llm="rules", embedder="hashing")
memory.add("before", user_id="ana", infer=False)
whole = resource.getrlimit(resource.RLIMIT_FSIZE)
beside = os.scandir(os.path.dirname(sys.argv[1]))
used = max(file.stat().st_size for file in beside)
resource.setrlimit(resource.RLIMIT_FSIZE, (used + int(sys.argv[2]), whole[1]))
stored, failed = 0, []
while len(failed) < 3:
    try:
        said = [{"role": "user", "content": f"{part} of {stored}: " + "x" * 3000} for part in range(3)]
        memory.add(said, user_id="ana", infer=False)
        stored += 1
    except StorageError as error:
        failed.append(str(error))
    assert stored < 1000
found = len(memory.get_all(user_id="ana", limit=10_000)["results"])
resource.setrlimit(resource.RLIMIT_FSIZE, whole)
memory.add("afterwards", user_id="ana", infer=False)
best = memory.search("afterwards", user_id="ana", limit=1)["results"][0]["memory"]
healthy = memory.doctor()["healthy"]
memory.close()
print(stored, found, best, healthy)
print(failed[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits here")
@pytest.mark.parametrize("room", [20_000, 150_000, 600_000])
def test_a_file_that_may_not_grow_raises_and_works_again_later(output_of, tmp_path, room):
    pytest.importorskip("resource")
    path = tmp_path / "memory.db"
    outcome, reason = output_of(LIMITED, path, room)
    stored, found, best, healthy = outcome.split()
    assert (int(found), best, healthy) == (1 + 3 * int(stored), "afterwards", "True")
    assert "Nothing was written" in reason
    with Memory(path, llm="rules", embedder="hashing") as memory:
        assert len(memory.get_all(user_id="ana", limit=10_000)["results"]) == 2 + 3 * int(stored)


@pytest.fixture
def small_disk(tmp_path):
    """A separate file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs rights that are not there")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def fill(memory, stored):
    while len(stored) < 1000:
        stored += memory.add(f"{len(stored)} " + "x" * 3000, user_id="ana", infer=False)["results"]


def test_a_full_disk_raises_and_works_again_when_there_is_room(small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(600_000))
    with Memory(small_disk / "memory.db", llm="rules", embedder="hashing") as memory:
        stored = []
        with pytest.raises(StorageError, match="make room on the disk"):
            fill(memory, stored)
        assert stored
        kept = memory.get_all(user_id="ana", limit=1000)["results"]
        assert {item["id"] for item in kept} == {item["id"] for item in stored}
        filler.unlink()
        memory.add("afterwards", user_id="ana", infer=False)
        assert memory.search("afterwards", user_id="ana", limit=1)["results"][0]["memory"] == "afterwards"
        assert memory.doctor()["healthy"]


def use_up(folder):
    """Let another program take what is free."""
    with contextlib.suppress(OSError), (folder / "other").open("ab", buffering=0) as other:
        while True:
            other.write(bytes(4096))


@pytest.mark.parametrize("room", [600_000, 2_000_000])
@pytest.mark.parametrize("others_write_too", [False, True])
def test_memories_can_be_deleted_on_a_full_disk(small_disk, room, others_write_too):
    (small_disk / "filler").write_bytes(bytes(2_000_000 - room))
    with Memory(small_disk / "memory.db", llm="rules", embedder="hashing") as memory:
        memory.add(["I play the cello", "I like tea"], user_id="ben", infer=False)
        memory.add("I like coffee", user_id="carl", infer=False)
        stored = []
        with pytest.raises(StorageError, match="can be deleted"):
            fill(memory, stored)
        if others_write_too:
            use_up(small_disk)
        memory.delete_all(user_id="ben")
        with pytest.raises(StorageError, match=r"are deleted, but .* Make room on the disk"):
            memory.delete_users(user_id="carl")
        memory.delete(stored[0]["id"])
        memory.batch_delete([{"memory_id": item["id"]} for item in stored[1:4]])
        assert [memory.get_all(user_id=name)["results"] for name in ("ben", "carl")] == [[], []]
        left = {item["id"] for item in memory.get_all(user_id="ana", limit=1000)["results"]}
        assert left == {item["id"] for item in stored[4:]}
        assert memory.doctor()["healthy"]
    with Memory(small_disk / "memory.db", llm="rules", embedder="hashing") as memory:
        assert {item["id"] for item in memory.get_all(user_id="ana", limit=1000)["results"]} == left


def test_the_reserve_of_the_disk_has_no_name_and_ends_with_the_store(small_disk):
    def free():
        return os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize

    Memory(small_disk / "memory.db", llm="rules", embedder="hashing").close()
    before = free()
    with Memory(small_disk / "memory.db", llm="rules", embedder="hashing"):
        assert free() < before * 3 / 4
        assert {file.name for file in small_disk.iterdir()} <= {"memory.db", "memory.db-wal", "memory.db-shm"}
    assert free() == before


def test_a_store_that_cannot_be_created_leaves_no_file(small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(2 * 1024 * 1024 - 16_384))
    with pytest.raises(StorageError, match="Nothing was written"):
        Memory(small_disk / "memory.db", llm="rules", embedder="hashing")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    filler.unlink()
    with Memory(small_disk / "memory.db", llm="rules", embedder="hashing") as memory:
        assert memory.doctor()["healthy"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits here")
def test_no_verb_is_half_done_on_a_full_disk(tmp_path):
    tally = fill_disks(tmp_path, disks=6, seed=1)
    assert tally.is_clean, tally.failures()
