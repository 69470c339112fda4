"""The configuration: our keys, Mem0's dictionary, and errors that name everything else."""

import logging
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from holdfast import Memory
from holdfast.config import Config, default_path
from holdfast.errors import (
    ConfigError,
)
from holdfast.providers.registry import embedder
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder

KEY = "sk-very-secret-0123456789"


def mem0_dictionary(folder: Path) -> dict:
    return {
        "vector_store": {
            "provider": "faiss",
            "config": {
                "path": str(folder),
                "collection_name": "memories",
                "embedding_model_dims": 128,
                "distance_strategy": "cosine",
            },
        },
        "llm": {"provider": "openai", "config": {"model": "gpt-4o-mini", "api_key": KEY, "top_p": 0.1}},
        "embedder": {"provider": "hashing", "config": {}},
        "history_db_path": "/somewhere/history.db",
        "version": "v1.1",
        "graph_store": None,
        "custom_fact_extraction_prompt": "Extract only allergies.",
        "custom_update_memory_prompt": "Never delete.",
        "custom_instructions": "Keep it short.",
    }


def test_mem0s_dictionary_is_understood(tmp_path):
    config = Config.from_mapping(mem0_dictionary(tmp_path))
    assert config.path == tmp_path / "holdfast.db"
    assert config.llm["config"]["model"] == "gpt-4o-mini"
    assert embedder(config.embedder).dimensions == 128
    assert config.custom_fact_extraction_prompt == "Extract only allergies."
    assert config.custom_update_memory_prompt == "Never delete."
    assert config.custom_instructions == "Keep it short."
    assert config.synchronous == "FULL"


def test_ignored_settings_are_listed_and_logged_once(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="holdfast"):
        config = Config.from_mapping(mem0_dictionary(tmp_path))
    assert set(config.ignored) == {
        "history_db_path",
        "version",
        "vector_store.config.collection_name",
        "vector_store.config.distance_strategy",
        "llm.config.top_p",
    }
    (record,) = caplog.records
    assert all(name in record.getMessage() for name in config.ignored)


def test_our_own_keys_log_nothing(caplog):
    with caplog.at_level(logging.INFO, logger="holdfast"):
        config = Config.from_mapping({"path": "a.db", "llm": "rules", "embedder": "hashing", "synchronous": "NORMAL"})
    assert config == Config(path="a.db", llm="rules", embedder="hashing", synchronous="NORMAL")
    assert config.ignored == ()
    assert caplog.records == []


def test_an_empty_mapping_is_the_default():
    assert Config.from_mapping({}) == Config()


def test_a_memory_opens_at_the_path_in_mem0s_dictionary(tmp_path):
    settings = mem0_dictionary(tmp_path) | {"llm": {"provider": "rules"}}
    with Memory.from_config(settings) as memory:
        memory.add("I am allergic to peanuts", user_id="ana", infer=False)
    assert (tmp_path / "holdfast.db").exists()


def test_engines_can_be_objects():
    model, vectors = ScriptedChatModel(), ScriptedEmbedder()
    config = Config.from_mapping({"llm": model, "embedder": vectors})
    assert config.llm is model
    assert config.embedder is vectors


def test_the_embedders_own_dimensions_are_used_when_both_agree(tmp_path):
    settings = mem0_dictionary(tmp_path) | {"embedder": {"provider": "hashing", "config": {"embedding_dims": 128}}}
    assert embedder(Config.from_mapping(settings).embedder).dimensions == 128


def test_dimensions_without_an_embedder_change_nothing(tmp_path):
    settings = mem0_dictionary(tmp_path)
    del settings["embedder"]
    config = Config.from_mapping(settings)
    assert config.embedder is None
    assert "vector_store.config.embedding_model_dims" in config.ignored


def test_secrets_are_never_shown(tmp_path):
    assert KEY not in repr(Config.from_mapping(mem0_dictionary(tmp_path)))


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"vectorstore": {}}, ["'vectorstore'", "did you mean 'vector_store'"]),
        ({"embeder": "hashing"}, ["'embeder'", "did you mean 'embedder'"]),
        ({"unheard_of": 1}, ["'unheard_of'", "path"]),
        ({"ignored": ("x",)}, ["'ignored'"]),
        ({"llm": "gtp"}, ["'gtp'", "openai"]),
        ({"llm": {"provider": "anthropic"}}, ["'anthropic'", "openrouter"]),
        ({"llm": {"provider": "openai", "config": {"modle": "x"}}}, ["'modle'", "did you mean 'model'"]),
        ({"embedder": {"provider": "rules"}}, ["'rules'", "hashing"]),
        ({"vector_store": {"provider": "qdrant", "config": {}}}, ["'qdrant'", "'faiss'", "path"]),
        ({"vector_store": {"config": {}}}, ["None", "'faiss'"]),
        ({"vector_store": "faiss"}, ["vector_store", "provider"]),
        ({"vector_store": {"provider": "faiss", "config": {"host": "x"}}}, ["vector_store.config.host"]),
        (
            {"path": "a.db", "vector_store": {"provider": "faiss", "config": {"path": "b"}}},
            ["path", "keep one"],
        ),
        ({"graph_store": {"provider": "neo4j"}}, ["graph_store", "leave it out"]),
        ({"reranker": {"provider": "cohere"}}, ["reranker", "'cohere'", "sentence-transformers", "llm"]),
        ({"synchronous": "OFF"}, ["'OFF'", "'NORMAL'"]),
        ({"path": ""}, ["path"]),
        ({"path": 3}, ["path", "3"]),
        ({"custom_instructions": "  "}, ["custom_instructions"]),
        ({"custom_update_memory_prompt": 7}, ["custom_update_memory_prompt", "7"]),
    ],
)
def test_unusable_settings_are_named_with_the_way_out(mapping, words):
    with pytest.raises(ConfigError) as caught:
        Config.from_mapping(mapping)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    "spec",
    [{"provider": "hashing", "config": {"dimensions": 64}}, ScriptedEmbedder(64)],
    ids=["mapping", "object"],
)
def test_contradicting_dimensions_are_refused(tmp_path, spec):
    with pytest.raises(ConfigError, match=r"128.*64"):
        Config.from_mapping(mem0_dictionary(tmp_path) | {"embedder": spec})


KEYS = (
    "path",
    "llm",
    "embedder",
    "reranker",
    "synchronous",
    "vector_store",
    "graph_store",
    "version",
    "provider",
    "config",
)
LEAVES = st.none() | st.integers() | st.sampled_from(("faiss", "hashing", "openai", "embedding_model_dims", ""))
VALUES = st.recursive(
    LEAVES, lambda inner: st.dictionaries(st.sampled_from(KEYS) | LEAVES, inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_mappings_of_the_wrong_shape_are_refused(mapping):
    try:
        config = Config.from_mapping(mapping)
    except ConfigError:
        return
    assert config.synchronous in ("FULL", "NORMAL")
    assert config.path is None or config.path


def test_the_default_file_is_in_holdfast_dir(tmp_path):
    assert default_path({"HOLDFAST_DIR": str(tmp_path)}) == tmp_path / "memory.db"
    assert default_path({"HOLDFAST_DIR": "~/memories"}) == Path.home() / "memories" / "memory.db"


@pytest.mark.parametrize("environ", [{}, {"HOLDFAST_DIR": " "}])
def test_without_holdfast_dir_the_default_is_the_platforms_data_folder(environ):
    path = default_path(environ)
    assert path.is_absolute()
    assert (path.parent.name, path.name) == ("holdfast", "memory.db")


def test_a_configuration_is_checked_when_it_is_made():
    with pytest.raises(ConfigError, match="synchronous is 'OFF'"):
        Config(synchronous="OFF")
