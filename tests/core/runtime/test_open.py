"""Opening a store restores its engines; without them the store can still be read."""

import contextlib
import logging
import sqlite3
import sys

import pytest

from holdfast import ConfigError, EmbedderMismatch, HashingEmbedder, Memory
from holdfast.runtime.open import read_recorded_engines
from holdfast.testing import ScriptedEmbedder, scripted_openai_server

SETTINGS = {"provider": "openai", "config": {"api_key": "a key", "max_retries": 0}}
EMBEDDER = {"provider": "openai", "config": {**SETTINGS["config"], "dimensions": 64}}
FACT = {"facts": [{"text": "Lives in Lisbon", "turn": 0}]}
NO_KEY = "openai needs a key: set OPENAI_API_KEY"
NO_PACKAGE = r'pip install "holdfast\[openai\]"'


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A store built with OpenAI's engines, whose key and server are gone."""
    path = tmp_path / "memory.db"
    with scripted_openai_server(FACT) as server, monkeypatch.context() as while_building:
        while_building.setenv("OPENAI_BASE_URL", server.base_url)
        with Memory(path, llm=SETTINGS, embedder=EMBEDDER) as memory:
            memory.add("I live in Lisbon", user_id="ana")
            memory.add("I play the cello", user_id="ben", infer=False)
    return path


def the_memory(memory, user="ana"):
    (item,) = memory.get_all(user_id=user)["results"]
    return item


def contents(path):
    with contextlib.closing(sqlite3.connect(path)) as store:
        return list(store.iterdump())


# Without the engines a store was built with


def test_a_store_can_be_read_without_the_key_to_the_engines(open_memory, path):
    memory = open_memory(path)
    known = the_memory(memory)
    assert known["memory"] == "Lives in Lisbon"
    assert memory.get(known["id"]) == known
    assert [one["event"] for one in memory.history(known["id"])] == ["ADD"]
    assert memory.users()["count"] == 2
    assert memory.doctor()["healthy"]


def test_memories_can_be_deleted_without_the_key_to_the_engines(open_memory, path):
    memory = open_memory(path)
    memory.delete(the_memory(memory)["id"])
    assert memory.delete_all(user_id="ben")["count"] == 1
    assert memory.users() == {"count": 0, "results": []}
    memory.reset()
    assert memory.doctor()["healthy"]


def test_updates_without_a_new_text_need_no_key(open_memory, path):
    memory = open_memory(path)
    memory.update(the_memory(memory)["id"], metadata={"checked": True})
    assert the_memory(memory)["metadata"] == {"checked": True}


NEEDING = {
    "search": lambda memory, _: memory.search("where does she live?", user_id="ana"),
    "search of nobody": lambda memory, _: memory.search("where does she live?", user_id="nobody"),
    "search by words": lambda memory, _: memory.search("Lisbon", user_id="ana", filter_memories=True),
    "context": lambda memory, _: memory.context("where does she live?", user_id="ana"),
    "add": lambda memory, _: memory.add("I moved to Porto", user_id="ana"),
    "add of turns": lambda memory, _: memory.add("I moved to Porto", user_id="ana", infer=False),
    "put": lambda memory, _: memory.put([{"memory_id": "1", "text": "Porto"}], user_id="ana"),
    "update": lambda memory, known: memory.update(known, "Lives in Porto"),
    "rollback": lambda memory, known: (memory.delete(known), memory.rollback(known)),
}


@pytest.mark.parametrize("verb", [name for name in NEEDING if name != "rollback"])
def test_verbs_that_need_the_engine_say_what_is_missing_and_write_nothing(open_memory, path, verb):
    memory = open_memory(path)
    known, before = the_memory(memory)["id"], contents(path)
    with pytest.raises(ConfigError, match=NO_KEY):
        NEEDING[verb](memory, known)
    assert contents(path) == before


def test_restoring_a_deleted_memory_needs_the_embedder(open_memory, path):
    memory = open_memory(path)
    with pytest.raises(ConfigError, match=NO_KEY):
        NEEDING["rollback"](memory, the_memory(memory)["id"])
    assert memory.get_all(user_id="ana")["results"] == []


def test_a_store_can_be_read_without_the_package_of_the_engines(open_memory, path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setitem(sys.modules, "openai", None)  # importing it fails
    memory = open_memory(path)
    assert the_memory(memory)["memory"] == "Lives in Lisbon"
    with pytest.raises(ConfigError, match=NO_PACKAGE):
        memory.search("Lisbon", user_id="ana")


def test_engines_lists_what_is_unavailable(open_memory, path):
    engines = open_memory(path).engines
    assert engines["llm"].startswith(f"openai/gpt-4o-mini (unavailable: {NO_KEY}")
    assert engines["embedder"].startswith(f"openai:text-embedding-3-small:64 (unavailable: {NO_KEY}")


def test_opening_logs_one_line_about_what_is_unavailable(open_memory, path, caplog):
    with caplog.at_level(logging.WARNING, logger="holdfast"):
        open_memory(path)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "gpt-4o-mini" in line
    assert "text-embedding-3-small:64" in line
    assert str(path) in line


def test_the_engines_return_with_the_key(path, monkeypatch):
    with Memory(path, llm="rules") as memory:
        memory.delete(the_memory(memory, "ben")["id"])
    with scripted_openai_server(FACT) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "a key")
        with Memory(path) as memory:
            assert "unavailable" not in repr(memory)
            assert len(memory.search("Where does she live?", user_id="ana")["results"]) == 1


def test_writing_with_one_engine_does_not_lose_the_other(tmp_path, monkeypatch):
    path = tmp_path / "memory.db"
    with Memory(path, llm=SETTINGS, embedder="hashing") as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    with Memory(path) as memory:
        memory.add("I play the flute", user_id="ana", infer=False)
        with pytest.raises(ConfigError, match=NO_KEY):
            memory.add("I play the drums", user_id="ana")
        with pytest.raises(ConfigError, match=NO_KEY):
            memory.search("flute", user_id="ana", filter_memories=True)
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    with Memory(path) as memory:
        assert memory.engines["llm"] == "OpenAIChat(gpt-4o-mini)"
        assert len(memory.search("flute", user_id="ana")["results"]) == 2


def test_a_store_with_a_custom_embedder_can_be_read_without_it(open_memory, tmp_path):
    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder=ScriptedEmbedder(dimensions=32)) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
        fingerprint = memory.engines["embedder"]
    memory = open_memory(path)
    assert the_memory(memory)["memory"] == "I play the cello"
    assert memory.doctor()["healthy"]
    assert memory.engines["embedder"].startswith(f"{fingerprint} (unavailable: ")
    with pytest.raises(ConfigError, match="open the store with the embedder it was built with"):
        memory.search("cello", user_id="ana")


def test_checking_a_store_does_not_load_its_local_model(tmp_path):
    class Slow(ScriptedEmbedder):
        @property
        def dimensions(self):
            raise AssertionError("this would load the model")

        @dimensions.setter
        def dimensions(self, value):
            pass

    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder=ScriptedEmbedder(dimensions=32)) as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    with Memory(path, llm="rules", embedder=Slow(dimensions=32)) as memory:
        assert memory.doctor()["healthy"]


# Engines that are named, and new stores


@pytest.mark.parametrize("named", [{"llm": "openai"}, {"embedder": "openai"}, {"embedder": {"provider": "openai"}}])
def test_an_explicit_engine_that_cannot_be_built_is_refused_at_opening(open_memory, path, named):
    with pytest.raises(ConfigError, match=NO_KEY):
        open_memory(path, **named)


def test_another_explicit_embedder_is_refused(open_memory, path):
    with pytest.raises(EmbedderMismatch, match="text-embedding-3-small:64"):
        open_memory(path, llm="rules", embedder="hashing")


@pytest.mark.parametrize("place", ["memory.db", ":memory:"])
def test_engines_that_cannot_be_built_leave_no_file(open_memory, tmp_path, place, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportError, match=NO_PACKAGE):
        open_memory(place)
    assert list(tmp_path.iterdir()) == []


def test_a_reranker_without_its_chat_model_says_what_is_missing(tmp_path):
    path = tmp_path / "memory.db"
    with Memory(path, llm=SETTINGS, embedder="hashing") as memory:
        memory.add("I play the cello", user_id="ana", infer=False)
    with Memory(path, reranker="llm") as memory:
        assert len(memory.search("cello", user_id="ana")["results"]) == 1
        with pytest.raises(ConfigError, match=NO_KEY):
            memory.search("cello", user_id="ana", rerank=True)


@pytest.mark.parametrize(
    ("path", "options", "error", "words"),
    [
        ("", {}, ConfigError, "path is ''"),
        (7, {}, ConfigError, "path is 7"),
        (":memory:", {"llm": "gpt"}, ConfigError, "gpt"),
        (":memory:", {"embedder": "nothing"}, ConfigError, "nothing"),
        (":memory:", {"config": {"colour": "red"}}, ConfigError, "colour"),
        (
            ":memory:",
            {"embedder": {"provider": "hashing", "config": {"dimensions": 3}}},
            ConfigError,
            "dimensions is 3",
        ),
    ],
)
def test_a_memory_that_cannot_be_opened_raises_with_the_reason(path, options, error, words):
    with pytest.raises(error, match=words):
        Memory(path, **{"llm": "rules", "embedder": "hashing", **options})


class ReembeddedMeanwhile:
    """A store that another process gives another embedder after the first setting has been read."""

    def __init__(self, store, reembed):
        self._store, self._reembed = store, reembed

    def get_setting(self, name):
        value = self._store.get_setting(name)
        reembed, self._reembed = self._reembed, lambda: None
        reembed()
        return value


def test_the_engines_that_are_read_while_another_process_re_embeds_fit_together(tmp_path):
    with (
        Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory,
        Memory(tmp_path / "memory.db") as other,
    ):
        memory.add("I play the cello", user_id="ana", infer=False)
        changing = ReembeddedMeanwhile(memory.runtime.store, lambda: other.reembed(HashingEmbedder(32)))
        recorded = read_recorded_engines(changing)
    assert recorded.specs["embedder"]["config"]["dimensions"] == recorded.vectors["dimensions"] == 32
