"""Rerankers reorder the results of a search, for `Memory` and `AsyncMemory`."""

import asyncio
import math
import threading

import numpy as np
import pytest
from tests.core.judges import ABOUT_FOOD, ratings
from tests.results import add_verbatim, texts

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
from holdfast.testing import ScriptedChatModel


class WordReranker:
    """A reranker that scores texts with a certain word 1.0 and others 0.0."""

    def __init__(self, word):
        self.word, self.asked = word, []

    def score(self, query, texts):
        self.asked.append((query, list(texts)))
        return [1.0 if self.word in text else 0.0 for text in texts]


class AwaitedWordReranker(WordReranker):
    """The same, awaitable."""

    def score(self, query, texts):  # noqa: ARG002 - the port's signature
        raise AssertionError("`AsyncMemory` must not block on a reranker that it can await")

    async def ascore(self, query, texts):
        await asyncio.sleep(0)
        return WordReranker.score(self, query, texts)


class FixedScores:
    """A reranker that returns fixed scores, or raises."""

    def __init__(self, scores):
        self.scores = scores

    def score(self, query, texts):  # noqa: ARG002 - the port's signature
        if isinstance(self.scores, Exception):
            raise self.scores
        return self.scores


def test_rerank_can_be_set_in_the_config(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("Peanuts"), config={"rerank": True})
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana"))[0] == "Peanuts make me ill"
    assert texts(memory.search("tea", user_id="ana", rerank=False))[0] != "Peanuts make me ill"
    lines = memory.context("when is tea served?", user_id="ana", max_tokens=2000).splitlines()
    assert next(line for line in lines if line.startswith("- ")).endswith("Peanuts make me ill")


def test_a_scoped_search_reranks_and_filters_on_demand():
    model = ScriptedChatModel(lambda _messages, _schema: {"relevant": [0]})
    with Memory(":memory:", llm=model, embedder="hashing", reranker=WordReranker("Peanuts")) as memory:
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
def test_a_config_that_needs_a_missing_reranker_or_model_is_refused(open_in_ram, config, words):
    with pytest.raises(ConfigError, match=words):
        open_in_ram(config=config)


def test_rerank_and_filter_memories_take_only_booleans(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("tea"))
    for switch in ("rerank", "filter_memories"):
        with pytest.raises(InvalidInput, match=f"{switch} is 'no'"):
            memory.search("tea", user_id="ana", **{switch: "no"})


def test_the_reranker_decides_the_order(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana"))[0] != "Peanuts make me ill"
    found = memory.search("tea", user_id="ana", rerank=True)
    assert texts(found)[0] == "Peanuts make me ill"
    scores = [item["score"] for item in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_reranker_is_called_only_on_demand(open_in_ram):
    judge = WordReranker("tea")
    memory = open_in_ram(reranker=judge)
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    memory.search("tea", user_id="ana")
    assert judge.asked == []


def test_equal_reranker_scores_keep_the_order_of_the_search(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("nothing of the kind"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    query = "when is tea served?"
    assert texts(memory.search(query, user_id="ana", rerank=True)) == texts(memory.search(query, user_id="ana"))


def test_explain_shows_the_reranker_score(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    plain = memory.search("tea", user_id="ana", explain=True)["results"]
    assert all("rerank" not in item["score_details"] for item in plain)
    found = memory.search("tea", user_id="ana", rerank=True, explain=True)["results"]
    assert [item["score_details"]["rerank"] for item in found] == [1.0, 0.0, 0.0]


def test_the_reranker_gets_four_candidates_per_result_and_at_most_fifty(open_in_ram):
    judge = WordReranker("tea")
    memory = open_in_ram(reranker=judge)
    add_verbatim(memory, *(f"tea number {number}" for number in range(70)), user_id="ana")
    for limit in (1, 10, 20, 60):
        assert len(memory.search("tea", user_id="ana", limit=limit, rerank=True)["results"]) == limit
    assert [len(shown) for _, shown in judge.asked] == [4, 40, 50, 50]


def test_unrated_memories_follow_rated_ones(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("no such word"))
    add_verbatim(memory, *(f"tea number {number}" for number in range(70)), user_id="ana")
    before = memory.search("tea", user_id="ana", limit=70)
    after = memory.search("tea", user_id="ana", limit=70, rerank=True, explain=True)
    assert texts(after) == texts(before)
    rated = ["rerank" in item["score_details"] for item in after["results"]]
    assert rated == [True] * MOST_RERANKED + [False] * (70 - MOST_RERANKED)


def test_the_threshold_applies_to_the_reranked_score(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("Peanuts"))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    assert texts(memory.search("tea", user_id="ana", rerank=True, threshold=0.6)) == ["Peanuts make me ill"]


def test_explain_with_an_id_includes_the_reranker(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("Peanuts"))
    tea, peanuts, five = add_verbatim(memory, *ABOUT_FOOD, user_id="ana")

    def explanation(memory_id, **more):
        found = memory.search("tea", user_id="ana", rerank=True, explain=memory_id, **more)
        return found["explanation"]

    assert explanation(peanuts, limit=1)["reason"] == "found"
    assert explanation(peanuts, limit=1)["rank"] == 1
    assert explanation(peanuts)["score_details"]["rerank"] == 1.0
    assert explanation(tea, limit=1)["reason"] == "outranked"
    assert explanation(five, threshold=0.6)["reason"] == "below the threshold"


def test_a_memory_beyond_the_candidates_ranks_behind_them(open_in_ram):
    memory = open_in_ram(reranker=WordReranker("tea"))
    (taxes,) = add_verbatim(memory, "Taxes are due", user_id="ana")
    add_verbatim(memory, *(f"tea number {number}" for number in range(8)), user_id="ana")
    found = memory.search("tea", user_id="ana", limit=1, rerank=True, explain=taxes)
    assert (found["explanation"]["rank"], found["explanation"]["reason"]) == (9, "outranked")
    assert found["explanation"]["score"] < found["results"][0]["score"]


def test_the_reranker_gets_the_speaker_and_the_day(open_in_ram):
    judge = WordReranker("tea")
    memory = open_in_ram(reranker=judge)
    turn = {"role": "user", "name": "Caroline", "content": "Since March!"}
    memory.add([turn], user_id="ana", run_id="one", infer=False, timestamp="2023-05-08")
    memory.search("how long", user_id="ana", rerank=True)
    assert judge.asked == [("how long", ["8 May 2023 Caroline: Since March!"])]


def test_a_reranker_never_sees_another_users_memory(open_in_ram):
    judge = WordReranker("tea")
    memory = open_in_ram(reranker=judge)
    add_verbatim(memory, "tea of ana", user_id="ana")
    add_verbatim(memory, "tea of ben", user_id="ben")
    memory.search("tea", user_id="ana", rerank=True)
    assert judge.asked == [("tea", ["tea of ana"])]


def test_an_empty_scope_is_not_reranked(open_in_ram):
    judge = WordReranker("tea")
    assert open_in_ram(reranker=judge).search("tea", user_id="nobody", rerank=True) == {"results": []}
    assert judge.asked == []


def test_rerank_without_a_reranker_is_refused_with_the_way_out(open_in_ram):
    memory = open_in_ram()
    with pytest.raises(ConfigError, match=r"rerank=True needs a reranker.*score\(query, texts\)"):
        memory.search("tea", user_id="ana", rerank=True)


def test_numpy_scores_are_accepted(open_in_ram):
    memory = open_in_ram(reranker=FixedScores(np.array([0.1, 0.9, 1.0000002], dtype=np.float32)))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    scores = [item["score_details"]["rerank"] for item in search_reranked(memory, explain=True)["results"]]
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
def test_a_failing_reranker_raises_a_provider_error(open_in_ram, scores, words):
    memory = open_in_ram(reranker=FixedScores(scores))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    with pytest.raises(ProviderError, match=words):
        search_reranked(memory)


def test_an_unreadable_reranker_keeps_the_order_and_adds_a_warning(open_in_ram):
    memory = open_in_ram(reranker=FixedScores(UnreadableReply("it rambles", provider="judge")))
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = search_reranked(memory)
    assert texts(found) == texts(memory.search("tea", user_id="ana"))
    assert found["warnings"] == ["not reranked, the reranker's answer could not be read: it rambles"]


def test_an_awaitable_reranker_is_awaited():
    judge = AwaitedWordReranker("Peanuts")

    async def found():
        async with AsyncMemory(":memory:", llm="rules", embedder="hashing", reranker=judge) as memory:
            for text in ABOUT_FOOD:
                await memory.add(text, user_id="ana", infer=False)
            return await memory.search("tea", user_id="ana", rerank=True)

    assert texts(asyncio.run(found()))[0] == "Peanuts make me ill"


def test_a_blocking_reranker_does_not_block_the_event_loop():
    threads = []

    class Watched(WordReranker):
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


def test_a_search_can_be_reranked_and_filtered(open_in_ram):
    model = ScriptedChatModel([ratings(0, 0, 10), {"relevant": [0, 1]}])
    memory = open_in_ram(llm=model, reranker="llm")
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    last = texts(memory.search("tea", user_id="ana"))[-1]
    found = memory.search("tea", user_id="ana", rerank=True, filter_memories=True)
    assert texts(found)[0] == last
    assert len(found["results"]) == 2


# Keyword search and query embeddings


def test_without_keyword_search_only_vectors_count(open_in_ram):
    memory = open_in_ram()
    add_verbatim(memory, *ABOUT_FOOD, user_id="ana")
    found = memory.search("tea", user_id="ana", keyword_search=False, explain=True)["results"]
    assert len(found) == 3
    for item in found:
        assert set(item["score_details"]) == {"semantic"}
        assert item["score"] == pytest.approx(max(0.0, item["score_details"]["semantic"]))


class QueryEmbedder(HashingEmbedder):
    """An embedder with a separate method for queries."""

    def __init__(self):
        super().__init__(64)
        self.remembered, self.asked = [], []

    def embed(self, texts):
        self.remembered += texts
        return super().embed(texts)

    def embed_queries(self, texts):
        self.asked += texts
        return super().embed(texts)


def test_searches_use_embed_queries_if_the_embedder_has_it(open_in_ram):
    vectors = QueryEmbedder()
    memory = open_in_ram(embedder=vectors)
    add_verbatim(memory, "I drink tea", user_id="ana")
    memory.search("what do I drink?", user_id="ana")
    assert (vectors.remembered, vectors.asked) == (["I drink tea"], ["what do I drink?"])


def search_reranked(memory, **options):
    return memory.search("tea", user_id="ana", rerank=True, **options)
