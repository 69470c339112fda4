"""The chat model as a reranker, and rerankers by name."""

import asyncio

import pytest
from tests.core.judges import ABOUT_FOOD, ratings
from tests.results import add_verbatim, texts

from holdfast import (
    ConfigError,
    Memory,
    ProviderError,
)
from holdfast.providers.registry import LLMReranker, reranker
from holdfast.testing import ScriptedChatModel

# The chat model as the reranker


def test_one_call_of_the_chat_model_rates_all_candidates(open_in_ram):
    model = ScriptedChatModel(ratings(0, 3, 10))
    memory = open_in_ram(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    before = texts(memory.search("tea", user_id="ana"))
    found = search_reranked(memory, explain=True)
    assert texts(found)[0] == before[2]
    assert [item["score_details"]["rerank"] for item in found["results"]] == [1.0, 0.3, 0.0]
    (call,) = model.calls
    assert all(text in call.messages[1]["content"] for text in (*ABOUT_FOOD, "<query>tea</query>"))
    assert call.schema["required"] == ["ratings"]


def test_mem0s_llm_reranker_is_understood(open_in_ram):
    memory = open_in_ram(
        llm=ScriptedChatModel(ratings(10)),
        reranker={"provider": "llm_reranker", "config": {"scoring_prompt": "Rate by taste.", "top_k": 5}},
    )
    add_verbatim(memory, "tea", user_id="ana")
    assert search_reranked(memory, explain=True)["results"][0]["score_details"]["rerank"] == 1.0
    assert memory.engines["reranker"] == "LLMReranker(ScriptedChatModel)"


def test_an_unreadable_rating_is_retried_once(open_in_ram):
    model = ScriptedChatModel(["They all seem fine to me.", ratings(0, 0, 10)])
    memory = open_in_ram(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = search_reranked(memory)
    assert found["results"][0]["score"] >= 0.7
    assert "warnings" not in found
    assert "cannot be used" in model.calls[1].messages[-1]["content"]


def test_unreadable_ratings_keep_the_order_and_add_a_warning(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel("They all seem fine to me."), reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = search_reranked(memory)
    plain = memory.search("tea", user_id="ana")
    assert found["results"] == plain["results"]
    assert found["warnings"] == ["not reranked, the reranker's answer could not be read: the reply holds no JSON"]


def test_a_chat_model_that_fails_to_rate_raises_a_provider_error(open_in_ram):
    memory = open_in_ram(llm=ScriptedChatModel(RuntimeError("quota")), reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match="quota"):
        search_reranked(memory)


def test_a_blocking_chat_model_can_rerank_in_async_code():
    class Blocks:
        def complete(self, messages, *, schema=None):  # noqa: ARG002 - the port's signature
            return '{"ratings": [{"memory": 0, "score": 5}]}'

    judge = LLMReranker(Blocks())
    assert judge.score("tea", ["tea"]) == asyncio.run(judge.ascore("tea", ["tea"])) == [0.5]
    assert judge.score("tea", []) == asyncio.run(judge.ascore("tea", [])) == []


def test_a_custom_rating_prompt_replaces_the_rules_but_not_the_format():
    model = ScriptedChatModel(ratings(10))
    LLMReranker(model, prompt="Rate by taste alone.").score("tea", ["tea"])
    system = model.calls[0].messages[0]["content"]
    assert system.startswith("Rate by taste alone.")
    assert '"ratings"' in system


# Rerankers by name


def test_a_reranker_can_have_its_own_chat_model():
    judge = reranker({"provider": "llm", "config": {"llm": ScriptedChatModel(ratings(10))}}, llm=None)
    assert judge.score("tea", ["tea"]) == [1.0]


def test_mem0s_reranker_settings_may_include_those_of_the_chat_model():
    config = {"provider": "ollama", "model": "llama3.1", "temperature": 0.0, "max_tokens": 100, "top_k": 5}
    judge = reranker({"provider": "llm_reranker", "config": config}, llm=ScriptedChatModel())
    assert judge.model == "llama3.1"
    assert judge.chat_model.provider == "ollama"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("cohere", ["'cohere'", "sentence-transformers", "llm"]),
        ("llm", ["chat model", "llm"]),
        ({"provider": "llm", "config": {"modle": "x"}}, ["'modle'", "did you mean 'model'"]),
        ({"provider": "llm", "config": {"llm": "ollama", "model": "x"}}, ["both llm and 'model'"]),
        ({"provider": "llm", "config": {"llm": "ollama", "prompt": " "}}, ["prompt"]),
        ({"provider": "cross-encoder", "config": {"modle": "x"}}, ["'modle'", "did you mean 'model'"]),
        (object(), ["object", "score(query, texts)"]),
    ],
)
def test_an_unusable_reranker_is_refused_with_the_way_out(tmp_path, spec, words):
    with pytest.raises(ConfigError) as caught:
        Memory(tmp_path / "new.db", llm="rules", embedder="hashing", reranker=spec)
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "new.db").exists()


def test_a_reranker_can_be_named_in_mem0s_dictionary():
    config = {"llm": {"provider": "ollama"}, "embedder": "hashing", "reranker": {"provider": "llm_reranker"}}
    with Memory.from_config({"path": ":memory:", **config}) as memory:
        assert memory.engines["reranker"] == "LLMReranker(llama3.1)"


def search_reranked(memory, **options):
    return memory.search("tea", user_id="ana", rerank=True, **options)
