"""Promises of second opinions on what was found: rerankers and the model that filters, on both faces."""

import asyncio
import math
import threading

import numpy as np
import pytest
from tests.memories import blocking, closing_at_the_end
from tests.results import add_verbatim, texts
from tests.scripted import facts

from holdfast import (
    AsyncMemory,
    ConfigError,
    HashingEmbedder,
    InvalidInput,
    Memory,
    ProviderError,
    ScopedMemory,
    UnreadableReply,
)
from holdfast.operations.search_steps.rerank import MOST_RERANKED
from holdfast.providers.registry import LLMReranker, reranker
from holdfast.testing import ScriptedChatModel

ABOUT_FOOD = ("I drink tea", "Peanuts make me ill", "Tea is served at five")


class Preference:
    """A reranker with one opinion: texts that hold a word answer everything."""

    def __init__(self, word):
        self.word, self.asked = word, []

    def score(self, query, texts):
        self.asked.append((query, list(texts)))
        return [1.0 if self.word in text else 0.0 for text in texts]


class AwaitedPreference(Preference):
    """The same, natively awaitable."""

    def score(self, query, texts):  # noqa: ARG002 - the port's signature
        raise AssertionError("an awaiting face must not block on a reranker it can await")

    async def ascore(self, query, texts):
        await asyncio.sleep(0)
        return Preference.score(self, query, texts)


class Says:
    """A reranker that gives back what it is told to."""

    def __init__(self, scores):
        self.scores = scores

    def score(self, query, texts):  # noqa: ARG002 - the port's signature
        if isinstance(self.scores, Exception):
            raise self.scores
        return self.scores


def ratings(*scores):
    return {"ratings": [{"memory": place, "score": score} for place, score in enumerate(scores)]}


@pytest.fixture(params=[Memory, AsyncMemory], ids=["blocking", "awaited"])
def opened(request):
    def open_memory(**options):
        return blocking(request.param, ":memory:", **{"llm": "rules", "embedder": "hashing", **options})

    with closing_at_the_end(open_memory) as opened:
        yield opened


# Reranking


def test_a_memory_may_be_configured_to_rerank_whoever_asks(opened):
    memory = opened(reranker=Preference("Peanuts"), config={"rerank": True})
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana"))[0] == "Peanuts make me ill"
    assert texts(memory.search("tea", user_id="ana", rerank=False))[0] != "Peanuts make me ill"
    lines = memory.context("when is tea served?", user_id="ana", max_tokens=2000).splitlines()
    assert next(line for line in lines if line.startswith("- ")).endswith("Peanuts make me ill")


def test_a_memory_may_be_configured_to_filter_whoever_asks():
    model = ScriptedChatModel(lambda _messages, _schema: {"relevant": []})
    with Memory(":memory:", llm=model, embedder="hashing", config={"filter_memories": True}) as memory:
        add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
        scoped = ScopedMemory(memory, user_id="ana", on_error="raise")
        assert scoped.search("tea") == []
        assert len(scoped.search("tea", filter_memories=False)) == 3
        assert scoped.context("tea") == ""


def test_a_scope_reranks_and_filters_where_it_is_asked_to():
    model = ScriptedChatModel(lambda _messages, _schema: {"relevant": [0]})
    with Memory(":memory:", llm=model, embedder="hashing", reranker=Preference("Peanuts")) as memory:
        add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
        scoped = ScopedMemory(memory, user_id="ana", on_error="raise")
        assert len(scoped.search("tea", rerank=True)) == 3
        for found in (
            scoped.search("tea", rerank=True, filter_memories=True),
            asyncio.run(scoped.asearch("tea", rerank=True, filter_memories=True)),
        ):
            assert [item["memory"] for item in found] == ["Peanuts make me ill"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"rerank": True}, "there is no reranker"),
        ({"filter_memories": True}, "there is no chat model"),
        ({"rerank": "yes"}, "rerank is 'yes'"),
    ],
)
def test_judges_that_are_not_there_are_missed_when_the_memory_opens(opened, config, words):
    with pytest.raises(ConfigError, match=words):
        opened(config=config)


def test_a_judge_is_switched_on_by_true_alone(opened):
    memory = opened(reranker=Preference("tea"))
    for switch in ("rerank", "filter_memories"):
        with pytest.raises(InvalidInput, match=f"{switch} is 'no'"):
            memory.search("tea", user_id="ana", **{switch: "no"})


def test_the_reranker_has_the_last_word_on_the_order(opened):
    memory = opened(reranker=Preference("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana"))[0] != "Peanuts make me ill"
    found = memory.search("tea", user_id="ana", rerank=True)
    assert texts(found)[0] == "Peanuts make me ill"
    scores = [item["score"] for item in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_reranker_is_not_asked_unless_the_search_says_so(opened):
    judge = Preference("tea")
    memory = opened(reranker=judge)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    memory.search("tea", user_id="ana")
    assert judge.asked == []


def test_what_the_reranker_calls_equal_keeps_the_searchs_order(opened):
    memory = opened(reranker=Preference("nothing of the kind"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    query = "when is tea served?"
    assert texts(memory.search(query, user_id="ana", rerank=True)) == texts(memory.search(query, user_id="ana"))


def test_explain_shows_what_the_reranker_said(opened):
    memory = opened(reranker=Preference("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    plain = memory.search("tea", user_id="ana", explain=True)["results"]
    assert all("rerank" not in item["score_details"] for item in plain)
    found = memory.search("tea", user_id="ana", rerank=True, explain=True)["results"]
    assert [item["score_details"]["rerank"] for item in found] == [1.0, 0.0, 0.0]


def test_the_reranker_sees_four_candidates_for_each_result_at_most_fifty(opened):
    judge = Preference("tea")
    memory = opened(reranker=judge)
    add_verbatim(memory, *(f"tea number {number}" for number in range(70)), user_id="ana")
    for limit in (1, 10, 20, 60):
        assert len(memory.search("tea", user_id="ana", limit=limit, rerank=True)["results"]) == limit
    assert [len(shown) for _, shown in judge.asked] == [4, 40, 50, 50]


def test_what_was_not_rated_follows_what_was(opened):
    memory = opened(reranker=Preference("no such word"))
    add_verbatim(memory, *(f"tea number {number}" for number in range(70)), user_id="ana")
    before = memory.search("tea", user_id="ana", limit=70)
    after = memory.search("tea", user_id="ana", limit=70, rerank=True, explain=True)
    assert texts(after) == texts(before)
    rated = ["rerank" in item["score_details"] for item in after["results"]]
    assert rated == [True] * MOST_RERANKED + [False] * (70 - MOST_RERANKED)


def test_the_threshold_holds_for_the_reranked_score(opened):
    memory = opened(reranker=Preference("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana", rerank=True, threshold=0.6)) == ["Peanuts make me ill"]


def test_why_a_memory_is_not_there_tells_of_the_reranker(opened):
    memory = opened(reranker=Preference("Peanuts"))
    tea, peanuts, five = add_verbatim(memory, *ABOUT_FOOD, user_id="ana")

    def explanation(memory_id, **more):
        found = memory.search("tea", user_id="ana", rerank=True, explain=memory_id, **more)
        return found["explanation"]

    assert explanation(peanuts, limit=1)["reason"] == "found"
    assert explanation(peanuts, limit=1)["rank"] == 1
    assert explanation(peanuts)["score_details"]["rerank"] == 1.0
    assert explanation(tea, limit=1)["reason"] == "outranked"
    assert explanation(five, threshold=0.6)["reason"] == "below the threshold"


def test_a_memory_beyond_the_candidates_ranks_behind_them(opened):
    memory = opened(reranker=Preference("tea"))
    (taxes,) = add_verbatim(memory, "Taxes are due", user_id="ana")
    add_verbatim(memory, *(f"tea number {number}" for number in range(8)), user_id="ana")
    found = memory.search("tea", user_id="ana", limit=1, rerank=True, explain=taxes)
    assert (found["explanation"]["rank"], found["explanation"]["reason"]) == (9, "outranked")
    assert found["explanation"]["score"] < found["results"][0]["score"]


def test_the_reranker_reads_who_spoke_and_when(opened):
    judge = Preference("tea")
    memory = opened(reranker=judge)
    turn = {"role": "user", "name": "Caroline", "content": "Since March!"}
    memory.add([turn], user_id="ana", run_id="one", infer=False, timestamp="2023-05-08")
    memory.search("how long", user_id="ana", rerank=True)
    assert judge.asked == [("how long", ["8 May 2023 Caroline: Since March!"])]


def test_a_reranker_never_sees_another_users_memory(opened):
    judge = Preference("tea")
    memory = opened(reranker=judge)
    add_verbatim(memory, "tea of ana", user_id="ana")
    add_verbatim(memory, "tea of ben", user_id="ben")
    memory.search("tea", user_id="ana", rerank=True)
    assert judge.asked == [("tea", ["tea of ana"])]


def test_an_empty_scope_is_not_reranked(opened):
    judge = Preference("tea")
    assert opened(reranker=judge).search("tea", user_id="nobody", rerank=True) == {"results": []}
    assert judge.asked == []


def test_rerank_without_a_reranker_says_how_to_get_one(opened):
    memory = opened()
    with pytest.raises(ConfigError, match=r"rerank=True needs a reranker.*score\(query, texts\)"):
        memory.search("tea", user_id="ana", rerank=True)


def test_numpys_scores_are_as_good_as_lists(opened):
    memory = opened(reranker=Says(np.array([0.1, 0.9, 1.0000002], dtype=np.float32)))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    scores = [item["score_details"]["rerank"] for item in _reranked(memory, explain=True)["results"]]
    assert sorted(scores) == pytest.approx([0.1, 0.9, 1.0])


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([0.5], r"shape \(1,\), expected \(3,\)"),
        ([0.1, 0.2, 7.3], "scores must lie in 0..1"),
        ([0.1, 0.2, math.nan], "scores must lie in 0..1"),
        (["good", "bad", "good"], "no numbers"),
        (None, "shape"),
        (RuntimeError("out of memory"), "out of memory"),
    ],
)
def test_a_reranker_that_fails_is_a_provider_error(opened, scores, words):
    memory = opened(reranker=Says(scores))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match=words):
        _reranked(memory)


def test_a_reranker_that_cannot_be_read_leaves_the_order_and_says_so(opened):
    memory = opened(reranker=Says(UnreadableReply("it rambles", provider="judge")))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = _reranked(memory)
    assert texts(found) == texts(memory.search("tea", user_id="ana"))
    assert found["warnings"] == ["not reranked, the reranker's answer could not be read: it rambles"]


def test_a_reranker_that_can_be_awaited_is_awaited():
    judge = AwaitedPreference("Peanuts")

    async def found():
        async with AsyncMemory(":memory:", llm="rules", embedder="hashing", reranker=judge) as memory:
            for said in ABOUT_FOOD:
                await memory.add(said, user_id="ana", infer=False)
            return await memory.search("tea", user_id="ana", rerank=True)

    assert texts(asyncio.run(found()))[0] == "Peanuts make me ill"


def test_a_blocking_reranker_does_not_block_the_event_loop():
    threads = []

    class Watched(Preference):
        def score(self, query, texts):
            threads.append(threading.current_thread())
            return super().score(query, texts)

    async def search():
        async with AsyncMemory(":memory:", llm="rules", embedder="hashing", reranker=Watched("tea")) as memory:
            await memory.add("tea", user_id="ana", infer=False)
            await memory.search("tea", user_id="ana", rerank=True)

    asyncio.run(search())
    assert threads
    assert threading.main_thread() not in threads


# The chat model as the reranker


def test_one_call_of_the_chat_model_rates_all_candidates(opened):
    model = ScriptedChatModel(ratings(0, 3, 10))
    memory = opened(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    before = texts(memory.search("tea", user_id="ana"))
    found = _reranked(memory, explain=True)
    assert texts(found)[0] == before[2]
    assert [item["score_details"]["rerank"] for item in found["results"]] == [1.0, 0.3, 0.0]
    (call,) = model.calls
    assert all(said in call.messages[1]["content"] for said in (*ABOUT_FOOD, "<query>tea</query>"))
    assert call.schema["required"] == ["ratings"]


def test_mem0s_llm_reranker_is_understood(opened):
    memory = opened(
        llm=ScriptedChatModel(ratings(10)),
        reranker={"provider": "llm_reranker", "config": {"scoring_prompt": "Rate by taste.", "top_k": 5}},
    )
    add_verbatim(memory, "tea", user_id="ana")
    assert _reranked(memory, explain=True)["results"][0]["score_details"]["rerank"] == 1.0
    assert memory.engines["reranker"] == "LLMReranker(ScriptedChatModel)"


def test_an_unreadable_rating_is_asked_for_once_more(opened):
    model = ScriptedChatModel(["They all seem fine to me.", ratings(0, 0, 10)])
    memory = opened(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = _reranked(memory)
    assert found["results"][0]["score"] >= 0.7
    assert "warnings" not in found
    assert "cannot be used" in model.calls[1].messages[-1]["content"]


def test_twice_unreadable_ratings_leave_the_order_and_the_result_says_so(opened):
    memory = opened(llm=ScriptedChatModel("They all seem fine to me."), reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = _reranked(memory)
    plain = memory.search("tea", user_id="ana")
    assert found["results"] == plain["results"]
    assert found["warnings"] == ["not reranked, the reranker's answer could not be read: the reply holds no JSON"]


def test_a_chat_model_that_fails_to_rate_is_a_provider_error(opened):
    memory = opened(llm=ScriptedChatModel(RuntimeError("quota")), reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match="quota"):
        _reranked(memory)


def test_a_reranking_chat_model_needs_no_awaitable_half():
    class Blocks:
        def complete(self, messages, *, schema=None):  # noqa: ARG002 - the port's signature
            return '{"ratings": [{"memory": 0, "score": 5}]}'

    judge = LLMReranker(Blocks())
    assert judge.score("tea", ["tea"]) == asyncio.run(judge.ascore("tea", ["tea"])) == [0.5]
    assert judge.score("tea", []) == asyncio.run(judge.ascore("tea", [])) == []


def test_an_own_prompt_replaces_the_rules_and_not_the_form():
    model = ScriptedChatModel(ratings(10))
    LLMReranker(model, prompt="Rate by taste alone.").score("tea", ["tea"])
    system = model.calls[0].messages[0]["content"]
    assert system.startswith("Rate by taste alone.")
    assert '"ratings"' in system


# Which reranker


def test_a_reranker_may_bring_its_own_chat_model():
    judge = reranker({"provider": "llm", "config": {"llm": ScriptedChatModel(ratings(10))}}, llm=None)
    assert judge.score("tea", ["tea"]) == [1.0]


def test_mem0s_settings_of_the_chat_model_stand_beside_the_rerankers():
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
def test_an_unusable_reranker_is_named_with_the_way_out(tmp_path, spec, words):
    with pytest.raises(ConfigError) as caught:
        Memory(tmp_path / "new.db", llm="rules", embedder="hashing", reranker=spec)
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "new.db").exists()


def test_mem0s_dictionary_names_a_reranker():
    config = {"llm": {"provider": "ollama"}, "embedder": "hashing", "reranker": {"provider": "llm_reranker"}}
    with Memory.from_config({"path": ":memory:", **config}) as memory:
        assert memory.engines["reranker"] == "LLMReranker(llama3.1)"


# Filtering by intent


def test_the_model_leaves_out_what_does_not_bear_on_the_query(opened):
    model = ScriptedChatModel({"relevant": [1]})
    memory = opened(llm=model)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    before = texts(memory.search("tea", user_id="ana"))
    found = memory.search("tea", user_id="ana", filter_memories=True)
    assert texts(found) == [before[1]]
    assert set(found) == {"results"}
    assert len(model.calls) == 1


def test_explain_says_who_was_dropped(opened):
    memory = opened(llm=ScriptedChatModel({"relevant": [0]}))
    ids = add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", filter_memories=True, explain=True)
    assert {item["id"] for item in (*found["results"], *found["dropped"])} == set(ids)
    assert all("score_details" in item for item in found["dropped"])
    kept, dropped = found["results"][0]["id"], found["dropped"][0]["id"]

    def reason(memory_id):
        found = memory.search("tea", user_id="ana", filter_memories=True, explain=memory_id)
        return found["explanation"]["reason"]

    assert (reason(kept), reason(dropped)) == ("found", "not relevant")


def test_nothing_relevant_is_an_answer_too(opened):
    memory = opened(llm=ScriptedChatModel({"relevant": []}))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert memory.search("tea", user_id="ana", filter_memories=True) == {"results": []}


def test_an_unreadable_judgement_drops_nothing_and_the_result_says_so(opened):
    model = ScriptedChatModel("Hard to say.")
    memory = opened(llm=model)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", filter_memories=True)
    assert len(found["results"]) == 3
    assert found["warnings"] == ["not filtered, the model's answer could not be read: the reply holds no JSON"]
    assert len(model.calls) == 2


def test_a_search_may_be_reranked_and_filtered(opened):
    model = ScriptedChatModel([ratings(0, 0, 10), {"relevant": [0, 1]}])
    memory = opened(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    last = texts(memory.search("tea", user_id="ana"))[-1]
    found = memory.search("tea", user_id="ana", rerank=True, filter_memories=True)
    assert texts(found)[0] == last
    assert len(found["results"]) == 2


def test_an_empty_result_is_not_judged(opened):
    model = ScriptedChatModel({"relevant": []})
    assert opened(llm=model).search("tea", user_id="ana", filter_memories=True) == {"results": []}
    assert model.calls == []


def test_filtering_without_a_chat_model_says_so(opened):
    memory = opened()
    with pytest.raises(ConfigError, match="filter_memories=True needs a chat model"):
        memory.search("tea", user_id="ana", filter_memories=True)


def test_a_model_that_fails_to_judge_is_a_provider_error(opened):
    memory = opened(llm=ScriptedChatModel(RuntimeError("quota")))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match="quota"):
        memory.search("tea", user_id="ana", filter_memories=True)


def test_the_store_works_on_with_inference_beside_judging(opened):
    memory = opened(llm=ScriptedChatModel([facts("Drinks tea"), {"relevant": [0]}]))
    memory.add("I drink tea", user_id="ana")
    assert texts(memory.search("tea", user_id="ana", filter_memories=True)) == ["Drinks tea"]


# Words and queries of their own kind


def test_without_keyword_search_the_vectors_alone_find(opened):
    memory = opened()
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", keyword_search=False, explain=True)["results"]
    assert len(found) == 3
    for item in found:
        assert set(item["score_details"]) == {"semantic"}
        assert item["score"] == pytest.approx(max(0.0, item["score_details"]["semantic"]))


class TwoSided(HashingEmbedder):
    """An embedder that tells what is asked from what is remembered."""

    def __init__(self):
        super().__init__(64)
        self.remembered, self.asked = [], []

    def embed(self, texts):
        self.remembered += texts
        return super().embed(texts)

    def embed_queries(self, texts):
        self.asked += texts
        return super().embed(texts)


def test_searches_use_the_query_half_of_an_embedder_that_has_one(opened):
    vectors = TwoSided()
    memory = opened(embedder=vectors)
    add_verbatim(memory, "I drink tea", user_id="ana")
    memory.search("what do I drink?", user_id="ana")
    assert (vectors.remembered, vectors.asked) == (["I drink tea"], ["what do I drink?"])


def _reranked(memory, **options):
    return memory.search("tea", user_id="ana", rerank=True, **options)
