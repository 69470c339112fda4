"""Files that are not a store, or not one that can be opened, raise and are not changed."""

import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.errors import InvalidInput, SchemaTooNew, StorageError


def open_memory(path):
    return Memory(path, llm="rules", embedder="hashing")


@pytest.fixture
def path(tmp_path):
    """A store with one memory."""
    path = tmp_path / "memory.db"
    with open_memory(path) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    return path


def changed(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_schema_from_the_future_asks_for_a_newer_holdfast(path):
    changed(path, "PRAGMA user_version = 99", "CREATE TABLE hologram (x)")
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=r"schema 99.*upgrade"):
        open_memory(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "places.sqlite"
    changed(path, "CREATE TABLE bookmarks (url)", "INSERT INTO bookmarks VALUES ('https://example.org')")
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program"):
        open_memory(path)
    assert path.read_bytes() == before


def test_a_store_that_lost_its_tables_is_not_taken_for_a_new_one(path):
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    changed(path, *(f"DROP TABLE {name}" for name in tables))
    with pytest.raises(StorageError, match="lost its tables"):
        open_memory(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="is a folder: name a file in it"):
        open_memory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(StorageError, match="notes"):
        open_memory(tmp_path / "notes" / "memory.db")
    assert (tmp_path / "notes").read_text() == "mine"


UNPRIVILEGED = """
import os, sys
from holdfast import Memory
from holdfast.errors import StorageError
if not os.geteuid():
    os.setgid(65534)
    os.setuid(65534)
try:
    Memory(sys.argv[1], llm="rules", embedder="hashing").add("x", user_id="ana", infer=False)
    print("written")
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no such rights here")
@pytest.mark.parametrize("locked", ["the file", "the folder", "a missing file in the folder"])
def test_a_path_without_write_permission_is_refused(start, locked):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        path = Path(folder) / "memory.db"
        with open_memory(path) as memory:
            memory.add("I play the cello", user_id="ana", infer=False)
        before = path.read_bytes()
        path.chmod(0o444 if locked == "the file" else 0o666)
        path.parent.chmod(0o777 if locked == "the file" else 0o555)
        target = path.parent / "new.db" if locked.startswith("a missing") else path
        printed, complaints = start(UNPRIVILEGED, target).communicate(timeout=30)
        path.parent.chmod(0o700)
        assert "writ" in printed, complaints
        assert printed != "written\n"
        assert path.read_bytes() == before
        assert [file.name for file in path.parent.iterdir()] == ["memory.db"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be moved here")
@pytest.mark.parametrize("what", ["moved", "deleted", "replaced", "folder moved"])
def test_nothing_is_written_to_a_file_that_is_no_longer_at_its_path(tmp_path, what):
    path = tmp_path / "folder" / "memory.db"
    with open_memory(tmp_path / "other.db") as memory:
        memory.add("I like tea", user_id="ana", infer=False)
    memory = open_memory(path)
    kept = memory.add("I play the cello", user_id="ana", infer=False)["results"][0]
    if what == "moved":
        path.rename(tmp_path / "moved.db")
    elif what == "deleted":
        path.unlink()
    elif what == "replaced":
        (tmp_path / "other.db").replace(path)
    else:
        path.parent.rename(tmp_path / "elsewhere")
    for write in (
        lambda: memory.add("I play the viola", user_id="ana", infer=False),
        lambda: memory.delete(kept["id"]),
        memory.reset,
    ):
        with pytest.raises(StorageError, match="moved, deleted or replaced while it was open: nothing was written"):
            write()
    memory.close()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be moved here")
def test_a_store_opened_at_the_path_of_a_moved_one_keeps_what_it_acknowledges(tmp_path):
    path = tmp_path / "memory.db"
    first = open_memory(path)
    first.add("I play the cello", user_id="ana", infer=False)
    path.rename(tmp_path / "moved.db")
    second = open_memory(path)
    second.add("I like tea", user_id="ana", infer=False)
    first.close()
    with open_memory(path) as third:
        third.add("I like coffee", user_id="ana", infer=False)
        assert len(third.get_all(user_id="ana")["results"]) == 2
    second.close()
    with open_memory(path) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 2
        assert memory.doctor()["healthy"]
