"""What `search` promises: the best matches of one scope, with scores that can be explained."""

import uuid
from datetime import datetime, timezone

import pytest
from tests.contracts.memory.subject import TOMORROW, YESTERDAY, MemorySubject
from tests.results import add_verbatim, texts


class SearchContract(MemorySubject):
    def test_results_are_sorted_by_scores_between_0_and_1(self, memory):
        add_verbatim(memory, "The cat sleeps", "The dog barks", "Taxes are due", "cat cat cat", user_id="ana")
        scores = [item["score"] for item in memory.search("the cat sleeps", user_id="ana")["results"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert scores[0] > 0.9
        assert len(scores) == 4

    def test_limit_and_top_k_are_the_same(self, memory):
        add_verbatim(memory, *(f"tea number {number}" for number in range(12)), user_id="ana")
        assert len(texts(memory.search("tea", user_id="ana"))) == 10
        assert len(texts(memory.search("tea", user_id="ana", limit=3))) == 3
        assert memory.search("tea", user_id="ana", top_k=3) == memory.search("tea", user_id="ana", limit=3)
        assert memory.search("tea", filters={"user_id": "ana"}, top_k=3) == memory.search("tea", user_id="ana", limit=3)
        assert len(texts(memory.get_all(user_id="ana", top_k=5))) == 5
        assert len(texts(memory.get_all(user_id="ana"))) == 12

    def test_the_threshold_is_the_lowest_score_returned(self, memory):
        add_verbatim(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        everything = memory.search("cat", user_id="ana", threshold=0)["results"]
        best, worst = everything[0]["score"], everything[-1]["score"]
        assert worst < best
        assert texts(memory.search("cat", user_id="ana", threshold=best)) == ["The cat sleeps"]
        assert memory.search("cat", user_id="ana", threshold=1.0)["results"] == []

    def test_search_matches_keywords_and_meaning(self, memory):
        add_verbatim(memory, "My locker code is XK-4471", "I bake sourdough bread", user_id="ana")
        assert texts(memory.search("xk 4471", user_id="ana", limit=1)) == ["My locker code is XK-4471"]
        assert texts(memory.search("baking breads", user_id="ana", limit=1)) == ["I bake sourdough bread"]

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("我住在里斯本", "里斯本"),
            ("東京に住んでいます", "東京"),
            ("ฉันชอบดื่มชา", "ชา"),
            ("Ich wohne in Köln", "köln"),
        ],
    )
    def test_search_works_in_every_script(self, memory, text, query):
        add_verbatim(memory, "Completely different", text, "Quelque chose d'autre", user_id="ana")
        assert texts(memory.search(query, user_id="ana", limit=1)) == [text]

    def test_filters_narrow_a_search(self, memory):
        add_verbatim(memory, "tea at work", user_id="ana", metadata={"place": {"kind": "work"}, "stars": 3})
        add_verbatim(memory, "tea at home", user_id="ana", metadata={"place": {"kind": "home"}, "stars": 5})
        for filters, expected in [
            ({"stars": {"gte": 4}}, ["tea at home"]),
            ({"metadata": {"stars": 3}}, ["tea at work"]),
            ({"place.kind": {"in": ["home"]}}, ["tea at home"]),
            ({"NOT": [{"stars": 5}]}, ["tea at work"]),
            ({"text": {"contains": "work"}}, ["tea at work"]),
            ({"missing": "*"}, []),
        ]:
            assert texts(memory.search("tea", user_id="ana", filters=filters)) == expected, filters
            assert texts(memory.get_all(user_id="ana", filters=filters)) == expected, filters

    def test_explain_returns_every_signal(self, memory):
        add_verbatim(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        for item in memory.search("cat", user_id="ana", explain=True)["results"]:
            assert set(item["score_details"]) >= {"semantic", "keyword"}
            assert all(0 <= value <= 1 for value in item["score_details"].values())
        assert "score_details" not in memory.search("cat", user_id="ana")["results"][0]

    def test_explain_with_an_id_says_why_it_was_not_returned(self, memory):
        cat, taxes = add_verbatim(memory, "The cat sleeps", "Taxes are due", user_id="ana")
        (gone,) = add_verbatim(memory, "The cat slept", user_id="ana", expiration_date=YESTERDAY)
        (other,) = add_verbatim(memory, "The cat of ben", user_id="ben")

        def reason(memory_id, **more):
            return memory.search("cat", user_id="ana", explain=memory_id, **more)["explanation"]["reason"]

        assert reason(cat) == "found"
        assert reason(taxes, limit=1) == "outranked"
        assert reason(taxes, threshold=0.9) == "below the threshold"
        assert reason(gone) == "expired"
        assert reason(gone, show_expired=True) == "found"
        assert reason(other) == "outside the filter"
        assert reason(str(uuid.uuid4())) == "unknown id"
        explanation = memory.search("cat", user_id="ana", explain=taxes, limit=1)["explanation"]
        assert (explanation["id"], explanation["rank"]) == (taxes, 2)

    def test_explain_reveals_nothing_about_another_users_memory(self, memory):
        (other,) = add_verbatim(memory, "The cat of ben", user_id="ben")
        explanation = memory.search("cat", user_id="ana", explain=other)["explanation"]
        assert explanation == {"id": other, "reason": "outside the filter"}

    def test_expired_memories_are_returned_only_with_show_expired(self, memory):
        (old,) = add_verbatim(memory, "tea until yesterday", user_id="ana", expiration_date=YESTERDAY)
        add_verbatim(memory, "tea until tomorrow", user_id="ana", expiration_date=TOMORROW)
        today = datetime.now(timezone.utc).date()
        add_verbatim(memory, "tea until today", user_id="ana", expiration_date=today)
        for find in (lambda **more: memory.search("tea", **more), memory.get_all):
            assert sorted(texts(find(user_id="ana"))) == ["tea until today", "tea until tomorrow"]
            assert len(texts(find(user_id="ana", show_expired=True))) == 3
        assert memory.get(old)["expiration_date"] == YESTERDAY

    def test_an_empty_store_returns_nothing(self, memory):
        assert memory.search("anything", user_id="ana") == {"results": []}
        assert memory.get_all(user_id="ana") == {"results": []}
        assert memory.users() == {"count": 0, "results": []}
