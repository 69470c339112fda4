"""What the store writes can be read by its owner only, whatever the umask, from the first byte on."""

import stat
import sys

import pytest

from holdfast import Memory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes here")

# All modes are read before every call of Python's that creates, renames or removes something.
WRITING = """
import os, stat, sys
from pathlib import Path
root, umask, later_mode = Path(sys.argv[1]), int(sys.argv[2], 8), int(sys.argv[3], 8)
seen = {}
def look(event="", arguments=()):
    for folder, _, files in os.walk(root / "new") if event in WATCHED else ():
        for path in [Path(folder), *(Path(folder, file) for file in files)]:
            try:
                name = "draft" if path.name.startswith(".") else path.name
                seen.setdefault(name, set()).add(stat.S_IMODE(path.stat().st_mode))
            except OSError:
                pass
WATCHED = {"", "open", "os.link", "os.rename", "os.remove", "os.chmod", "os.mkdir", "sqlite3.connect"}
os.umask(umask)
from holdfast import Memory
from holdfast.index import snapshot
snapshot._LEAST_MEMORIES = 0
sys.addaudithook(look)
path = root / "new" / "deep" / "memory.db"
for number in range(2):
    with Memory(path, llm="rules", embedder="hashing") as memory:
        for part in range(3):
            memory.add(f"{number} {part} I play the cello", user_id="ana", infer=False)
            memory.search("cello", user_id="ana")
            look()
    look()
    if later_mode and not number:
        os.chmod(path, later_mode)
        os.remove(snapshot.snapshot_path(path))
        seen.clear()
for name, modes in seen.items():
    print(name, *sorted(map(oct, modes)))
"""


@pytest.mark.parametrize("umask", ["000", "022", "077", "777"])
def test_files_are_0600_and_folders_0700_whatever_the_umask(output_of, tmp_path, umask):
    modes = {name: set(found) for name, *found in map(str.split, output_of(WRITING, tmp_path, umask, "0"))}
    assert modes.pop("new") | modes.pop("deep") <= {"0o700", "0o0"}
    assert {"memory.db", "memory.db-wal", "memory.db-shm", "memory.db.index"} <= modes.keys()
    assert set().union(*modes.values()) <= {"0o600", "0o0"}
    folders = [tmp_path / "new", tmp_path / "new" / "deep"]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folders[1].iterdir()} == {0o600}


def test_a_file_that_its_owner_shares_keeps_its_mode_and_gives_it_to_its_log_and_snapshot(output_of, tmp_path):
    modes = {name: set(found) for name, *found in map(str.split, output_of(WRITING, tmp_path, "022", "640"))}
    assert set().union(*(modes.pop(name) for name in ("new", "deep"))) == {"0o700"}
    assert modes.pop("draft") <= {"0o600", "0o640"}
    assert modes == {name: {"0o640"} for name in ("memory.db", "memory.db-wal", "memory.db-shm", "memory.db.index")}


def test_a_folder_that_exists_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    Memory(tmp_path / "new" / "memory.db", llm="rules", embedder="hashing").close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
