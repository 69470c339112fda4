"""Signals are combined into one score, and the best places are found without scoring all."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from holdfast import Memory
from holdfast.operations.search_steps import rank
from holdfast.retrieval.fusion import Outliers, Signals, WordSignals, places_worth_scoring, top_places

unit = st.floats(0, 1, width=32)


@st.composite
def candidates(draw):
    count = draw(st.integers(1, 40))
    column = st.lists(unit, min_size=count, max_size=count).map(lambda values: np.array(values, dtype=np.float32))
    words = WordSignals(*(draw(st.none() | column) for _ in WordSignals.__slots__)) if draw(st.booleans()) else None
    if words is None or words.keyword is None:
        words = WordSignals()
    return Signals(words, draw(column))


@given(candidates(), st.integers(1, 12))
def test_fused_scores_are_between_0_and_1_and_the_best_come_first(signals, limit):
    scores = signals.fuse()
    assert ((scores >= 0) & (scores <= 1)).all()
    places = top_places(scores, limit)
    assert list(scores[places]) == sorted(scores.tolist(), reverse=True)[:limit]


@given(candidates(), st.integers(1, 12), st.integers(1, 40), st.floats(0, 0.1))
def test_no_possible_winner_is_left_out_of_scoring(signals, limit, nearest, slack):
    count = len(signals.semantic)
    at = np.sort(np.argsort(-signals.semantic)[:nearest])
    left = np.delete(signals.semantic, at)
    nearest = Signals(signals.words.take(at), signals.semantic[at])
    bound = float(left.max(initial=-1)) + slack
    kept = places_worth_scoring(signals.words, nearest, at, count=count, cosine_bound=bound, limit=limit)
    assert set(top_places(signals.fuse(), limit).tolist()) <= set(kept.tolist())


@pytest.mark.parametrize("embedder", ["hashing", "static"])
@pytest.mark.parametrize(
    "query", ["a red item", "item 7 of colour 3", "nothing of the kind", "colour", "scarlet thing"]
)
def test_scoring_only_the_nearest_first_gives_the_same_results(query, embedder, monkeypatch):
    with Memory(":memory:", llm="rules", embedder=embedder) as memory:
        colours = ["red", "green", "blue", "grey"]
        texts = [f"item {n} is {colours[n % 4]} and of colour {n % 13}" for n in range(400)]
        memory.add([{"role": "user", "content": text} for text in texts], user_id="ana", infer=False)
        memory.add([{"role": "user", "content": text} for text in texts[:50]], user_id="ben", infer=False)
        memory.delete(memory.search(query, user_id="ana")["results"][0]["id"])
        plain = memory.search(query, user_id="ana", limit=5)
        monkeypatch.setattr(rank, "_MANY_CANDIDATES", 10)
        monkeypatch.setattr(rank, "_NEAREST", 40)
        narrowed = memory.search(query, user_id="ana", limit=5)
    assert [item["id"] for item in narrowed["results"]] == [item["id"] for item in plain["results"]]
    scores = [item["score"] for item in plain["results"]]
    assert [item["score"] for item in narrowed["results"]] == pytest.approx(scores, abs=1e-6)


@settings(deadline=None)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), max_size=3000).map(lambda s: np.array(s, np.float32)),
    limit=st.integers(1, 20),
    threshold=st.sampled_from([0.0, 0.25, 0.9]),
)
def test_the_highest_scores_win_and_of_equal_ones_the_newest(scores, limit, threshold):
    ranked = sorted(range(len(scores)), key=lambda place: (-scores[place], -place))
    expected = [place for place in ranked if scores[place] >= np.float32(threshold)][:limit]
    assert top_places(scores, limit, threshold=threshold).tolist() == expected


# Outliers: a cosine far above all others is evidence


def cosines_with_outlier(count=200, outlier=0.5, seed=3):
    cosines = np.random.default_rng(seed).normal(0.1, 0.05, count).astype(np.float32)
    cosines[17] = outlier
    return cosines


def test_an_outlier_wins_where_no_memory_has_the_words():
    cosines = cosines_with_outlier()
    keyword = np.zeros(200, dtype=np.float32)
    keyword[40] = 0.2  # a distractor that shares a word with the query
    words = WordSignals(keyword=keyword)
    assert top_places(Signals(words, cosines).fuse(), 1).tolist() == [40]
    outliers = Outliers.among(cosines, keyword)
    assert top_places(Signals(words, cosines, outliers).fuse(), 1).tolist() == [17]


def test_an_outlier_does_not_count_where_words_say_what_is_meant():
    cosines = cosines_with_outlier()
    keyword = np.zeros(200, dtype=np.float32)
    keyword[40] = 0.8
    words = WordSignals(keyword=keyword)
    signals = Signals(words, cosines, Outliers.among(cosines, keyword))
    assert np.allclose(signals.fuse(), Signals(words, cosines).fuse())


@pytest.mark.parametrize("cosines", [[], [0.5], [0.5, 0.5, 0.5], [0.1, 0.9]])
def test_few_or_equal_cosines_have_no_outliers(cosines):
    cosines = np.array(cosines, dtype=np.float32)
    assert not Outliers.among(cosines, None).scores(cosines).any()


@given(st.integers(0, 1000), st.integers(1, 8))
def test_no_candidate_that_an_outlier_could_lift_is_left_out(seed, limit):
    random = np.random.default_rng(seed)
    cosines = random.normal(0.1, 0.2, 400).clip(-1, 1).astype(np.float32)
    keyword = (random.random(400) * (random.random(400) < 0.1) * 0.5).astype(np.float32)
    words = WordSignals(keyword=keyword)
    outliers = Outliers.among(cosines, keyword)
    scores = Signals(words, cosines, outliers).fuse()
    nearest = np.sort(np.argsort(-cosines, kind="stable")[:30])
    others = np.delete(cosines, nearest)
    kept = places_worth_scoring(
        words,
        Signals(words.take(nearest), cosines[nearest], outliers),
        nearest,
        count=400,
        cosine_bound=float(others.max()),
        limit=limit,
    )
    assert set(top_places(scores, limit).tolist()) <= set(kept.tolist())
