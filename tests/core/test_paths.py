"""A path is what a shell would make of it, and one that no file can have is an error that names the way out."""

import os
import sys
from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.errors import ConfigError, InvalidInput, StorageError

RULES = {"llm": "rules", "embedder": "hashing"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder that is also the current one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "config",
    [
        {"path": "~/agents/memory.db"},
        {"path": Path("~/agents/memory.db")},
        {"vector_store": {"provider": "faiss", "config": {"path": "~/agents"}}},
    ],
)
def test_a_tilde_is_the_home_folder(home, config):
    with Memory.from_config({**config, **RULES}) as memory:
        assert Path(memory.path).parent == home / "agents"
    assert [file.name for file in home.iterdir()] == ["agents"]


def test_a_tilde_in_holdfast_dir_is_the_home_folder(home, monkeypatch):
    monkeypatch.setenv("HOLDFAST_DIR", "~/agents")
    with Memory(**RULES) as memory:
        assert Path(memory.path) == home / "agents" / "memory.db"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such names of home folders here")
def test_a_tilde_with_a_name_is_that_users_home_folder(tmp_path, monkeypatch):
    pwd = pytest.importorskip("pwd")
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidInput, match=rf"{me.pw_dir} is a folder"):
        Memory(f"~{me.pw_name}", **RULES)


def test_a_dollar_sign_is_part_of_the_name(home):
    with Memory("$HOME.db", **RULES):
        assert (home / "$HOME.db").exists()


@pytest.mark.parametrize(
    ("path", "way_out"),
    [
        ("a\0b", "choose another"),
        ("a\ud800b.db", "choose another"),
        ("file:memory.db?mode=ro", "URI"),
        ("sqlite:///memory.db", "URI"),
        ("memories/", "memories/memory.db"),
        (".", "name a file in it"),
        ("~", "name a file in it"),
        ("~nobody-has-this-name/memory.db", r"\./~nobody"),
    ],
)
def test_a_path_that_no_file_can_have_is_refused(home, path, way_out):
    with pytest.raises(InvalidInput, match=way_out):
        Memory(path, **RULES)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("path", ["", " ", 3, b"memory.db", [], type("Broken", (os.PathLike,), {"__fspath__": None})()])
def test_what_is_not_a_path_is_refused(path):
    with pytest.raises(ConfigError, match=r"name a file, or ':memory:'"):
        Memory(path, **RULES)


@pytest.mark.parametrize("path", ["n" * 300 + ".db", "/".join(["folder" * 30] * 40), "here/memory.db", "here/in/m.db"])
def test_a_path_the_file_system_refuses_says_what_to_change(home, path):
    (home / "here").write_text("a file")
    with pytest.raises(StorageError, match=r"choose a (shorter path|path in a folder)"):
        Memory(path, **RULES)
    assert [file.name for file in home.iterdir()] == ["here"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_and_a_device_are_refused(home):
    os.mkfifo(home / "pipe")
    for path in (home / "pipe", os.devnull):
        with pytest.raises(InvalidInput, match="no regular file"):
            Memory(path, **RULES)


@pytest.mark.parametrize("name", ["naïve 記憶.db", "50%41 ?a=1#b.db", "line\nbreak.db", "-x.db", "n" * 248])
@pytest.mark.skipif(sys.platform == "win32", reason="such names are not allowed here")
def test_an_unusual_name_is_taken_as_it_is(home, name):
    with Memory(name, **RULES) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    assert [file.name for file in home.iterdir()] == [name]
    with Memory(home / name, **RULES) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 1


def test_a_link_whose_file_is_missing_creates_the_file(home):
    (home / "elsewhere").mkdir()
    (home / "link.db").symlink_to(home / "elsewhere" / "memory.db")
    with Memory(home / "link.db", **RULES) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    with Memory(home / "elsewhere" / "memory.db", **RULES) as memory:
        assert len(memory.get_all(user_id="ana")["results"]) == 1


def test_a_memory_stays_with_its_file_when_the_program_changes_its_folder(home):
    (home / "other").mkdir()
    with Memory("memory.db", **RULES) as memory:
        os.chdir(home / "other")
        memory.add("I play the cello", user_id="ana", infer=False)
    assert list((home / "other").iterdir()) == []
    assert (home / "memory.db").exists()
