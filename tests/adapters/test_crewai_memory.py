"""CrewAI's memory and storage interfaces over Holdfast."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.adapters.crewai_conversation import UNIFIED, ScriptedLLM

from holdfast import InvalidInput, Memory
from holdfast.testing import ScriptedChatModel, memory_for_tests

if not UNIFIED:
    pytest.skip("CrewAI has had one memory since 1.10", allow_module_level=True)

from crewai.memory.storage.backend import StorageBackend
from crewai.memory.types import MemoryRecord
from crewai.memory.unified_memory import Memory as CrewAIMemory

from holdfast_crewai import HoldfastStorage, crew_memory

# CrewAI's own, from Python 3.12 on.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def ours(memory):
    return crew_memory(memory, user_id="ana")


@pytest.fixture
def storage(memory):
    return HoldfastStorage(memory, user_id="ana", on_error="raise")


def contents(matches):
    return [match.record.content for match in matches]


# Remember and recall


def test_explicit_content_is_stored_even_if_no_rule_would(ours):
    record = ours.remember("The build runs on Jenkins.", importance=0.9, metadata={"team": "red"})
    assert (record.content, record.importance, record.metadata) == ("The build runs on Jenkins.", 0.9, {"team": "red"})
    assert contents(ours.recall("Where does the build run?")) == ["The build runs on Jenkins."]


def test_remembering_a_duplicate_returns_its_record_and_stores_nothing(ours, memory):
    ours.remember("I live in Lisbon.")
    record = ours.remember("I live in Lisbon.", scope="/home", importance=0.9)
    assert (record.content, record.scope, record.importance) == ("I live in Lisbon.", "/home", 0.9)
    assert len(memory.get_all(user_id="ana")["results"]) == 1


def test_remembering_a_correction_replaces_the_old_fact(ours):
    ours.remember("I live in Lisbon.")
    ours.remember("I live in Porto now.")
    assert contents(ours.recall("Where do I live?")) == ["I live in Porto now."]


def test_recall_respects_limit_and_threshold(memory):
    for drink in ("tea", "coffee", "juice"):
        memory.add(f"I like {drink}.", user_id="ana")
    assert len(crew_memory(memory, user_id="ana").recall("What do I like?", limit=2)) == 2
    strict = crew_memory(memory, user_id="ana", threshold=0.7).recall("Do I like tea?")
    assert contents(strict) == ["I like tea."]


def test_remembering_and_recalling_cost_one_extraction_and_one_search_each():
    extractor = ScriptedChatModel({"facts": [{"text": "Lives in Lisbon", "turn": 0}]})
    with memory_for_tests(llm=extractor) as memory:
        ours, embedder = crew_memory(memory, user_id="ana", on_error="raise"), memory.runtime.engines.embedder
        assert ours.extract_memories("I live in Lisbon.") == ["I live in Lisbon."]
        assert (len(extractor.calls), len(embedder.calls)) == (0, 0)
        ours.remember("I live in Lisbon.")
        assert (len(extractor.calls), len(embedder.calls)) == (1, 1)
        for view in (ours, ours.scope("/home"), ours.slice(["/home", "/work", "/"])):
            before = len(embedder.calls)
            view.recall("Where do I live?")
            assert embedder.calls[before:] == [["Where do I live?"]]
        assert len(extractor.calls) == 1


class LikesTrains:
    def score(self, _query, texts):
        return [float("train" in text) for text in texts]


def test_a_crew_uses_rerank_of_the_config():
    trains, sea = "The group takes trains.", "The group likes the sea, and the sea alone."
    with Memory(":memory:", llm="rules", embedder="hashing", reranker=LikesTrains(), config={"rerank": True}) as memory:
        memory.add([trains, sea], user_id="ana", infer=False)
        ours = crew_memory(memory, user_id="ana", on_error="raise")
        assert contents(ours.recall("Does the group like the sea?")) == [trains, sea]


def test_a_crew_uses_filter_memories_of_the_config():
    model = ScriptedChatModel(lambda _messages, _schema: {"relevant": [0]})
    with Memory(":memory:", llm=model, embedder="hashing", config={"filter_memories": True}) as memory:
        memory.add(["The group likes the sea.", "The group takes trains."], user_id="ana", infer=False)
        ours = crew_memory(memory, user_id="ana", on_error="raise")
        assert contents(ours.recall("Does the group like the sea?")) == ["The group likes the sea."]


def test_a_crew_uses_keep_turns_of_the_config():
    with Memory(":memory:", llm="rules", embedder="hashing", config={"keep_turns": True}) as memory:
        ours = crew_memory(memory, user_id="ana", on_error="raise")
        ours.remember_many(["Task: I live in Lisbon. Hi!\nAgent: Desk\nExpected result: A word.\nResult: Noted."])
        kept = {item["memory"]: item["memory_type"] for item in memory.get_all(user_id="ana")["results"]}
        assert kept == {"I live in Lisbon.": "semantic", "I live in Lisbon. Hi!": "episodic", "Noted.": "episodic"}
        record = ours.remember("The build runs on Jenkins.")
        assert memory.get(record.id)["memory"] == "The build runs on Jenkins."


@pytest.mark.parametrize("option", [{"max_tokens": 0}, {"threshold": 1.5}])
def test_options_out_of_range_are_refused_at_once(memory, option):
    with pytest.raises(InvalidInput, match=next(iter(option))):
        crew_memory(memory, user_id="ana", **option)


def test_an_importance_of_0_is_stored(ours):
    assert ours.remember("I like tea.", importance=0.0).importance == 0.0


def test_a_blank_query_finds_nothing(ours):
    ours.remember("I live in Lisbon.")
    assert ours.recall(" ") == []


def test_records_have_scores_and_times_that_crewai_can_use(ours):
    ours.remember("I live in Lisbon.")
    (match,) = ours.recall("Where do I live?")
    assert 0 < match.score <= 1
    assert timedelta(0) <= datetime.utcnow() - match.record.created_at < timedelta(minutes=1)  # noqa: DTZ003


def test_views_see_their_path_and_below(ours):
    travel, work = ours.scope("/travel"), ours.scope("/work")
    travel.remember("I like the sea.")
    travel.remember("I like night trains.", scope="/rail")
    work.remember("I like quiet mornings.")
    assert set(contents(travel.recall("What do I like?"))) == {"I like the sea.", "I like night trains."}
    assert contents(travel.recall("What do I like?", scope="rail")) == ["I like night trains."]
    assert len(ours.recall("What do I like?")) == 3
    assert len(ours.slice(["/travel", "/work"]).recall("What do I like?")) == 3
    assert ours.list_scopes() == ["/travel", "/work"]
    assert travel.list_scopes() == ["/travel/rail"]
    assert ours.info("/travel").record_count == 2
    assert "/travel/rail (1 records)" in ours.tree()


def test_a_block_shows_only_memories_of_the_view(ours):
    ours.scope("/work").remember("I prefer short answers.")
    ours.scope("/travel").remember("I like the sea.")
    (match,) = ours.scope("/travel").recall("What do I like?")
    assert "sea" in match.format()
    assert "short answers" not in match.format()


def test_a_slice_shows_one_block_for_all_its_paths(ours):
    for path in ("/travel", "/home", "/work"):
        ours.scope(path).remember(f"I like the colours of {path.strip('/')}.")
    slice_ = ours.slice(["/travel", "/home"])
    shown = "".join(match.format() for match in slice_.recall("Which colours do I like?"))
    assert shown.count("<recalled-memory>") == 1
    assert ("travel" in shown, "home" in shown, "work" in shown) == (True, True, False)
    assert ours.slice(["/travel", "/"]).recall("Which colours do I like?", limit=3)[2:]
    assert ours.slice([]).recall("Which colours do I like?") == []


def test_a_slice_keeps_to_its_categories(ours):
    ours.remember("I like the sea.", scope="/travel", categories=["water"])
    ours.remember("I like the hills.", scope="/travel", categories=["land"])
    assert contents(ours.slice(["/travel"], categories=["water"]).recall("What do I like?")) == ["I like the sea."]


def test_a_private_record_is_in_no_block_of_others(ours):
    ours.remember("I like the sea.")
    ours.remember("I prefer short answers.", source="ana-phone", private=True)
    for query in ("Do I like the sea?", "Which answers do I prefer?"):
        for source, seen in ((None, False), ("ana-laptop", False), ("ana-phone", True)):
            shown = "".join(match.format() for match in ours.recall(query, limit=1, source=source))
            assert ("short answers" in shown) is seen


async def test_awaited_private_records_are_only_for_their_source(ours):
    await ours.aremember("I like the sea.", source="ana-phone", private=True)
    assert await ours.arecall("What do I like?") == []
    assert contents(await ours.arecall("What do I like?", source="ana-phone")) == ["I like the sea."]


def test_private_records_are_only_for_their_source(ours):
    ours.remember("I like the sea.", source="ana-phone", private=True)
    assert ours.recall("What do I like?") == []
    assert ours.recall("What do I like?", source="ana-laptop") == []
    assert contents(ours.recall("What do I like?", source="ana-phone")) == ["I like the sea."]
    assert contents(ours.recall("What do I like?", include_private=True)) == ["I like the sea."]


def test_categories_narrow_and_are_counted(ours):
    ours.remember("I like the sea.", categories=["travel"])
    ours.remember("I like tea.", categories=["food", "habits"])
    assert contents(ours.recall("What do I like?", categories=["food"])) == ["I like tea."]
    assert ours.list_categories() == {"travel": 1, "food": 1, "habits": 1}


def test_records_are_listed_changed_and_forgotten(ours, memory):
    record = ours.remember("I like the sea.", metadata={"draft": True, "team": "red"})
    ours.remember("I like tea.")
    assert [one.content for one in ours.list_records(limit=1)] == ["I like tea."]
    changed = ours.update(record.id, content="I like the hills.", metadata={"team": "blue"})
    assert changed.content == "I like the hills."
    assert memory.get(record.id)["metadata"]["team"] == "blue"
    assert "draft" not in memory.get(record.id)["metadata"]
    assert ours.forget(record_ids=[record.id]) == 1
    assert [one.content for one in ours.list_records()] == ["I like tea."]


def test_no_id_reaches_a_record_of_another_user(ours, memory):
    theirs = memory.add("I live in Porto.", user_id="ben")["results"][0]["id"]
    with pytest.raises(ValueError, match="not found"):
        ours.update(theirs, content="I live in Berlin.")
    assert ours.forget(record_ids=[theirs]) == 0
    assert memory.get(theirs)["memory"] == "I live in Porto."


def test_a_read_only_memory_finds_and_stores_nothing(memory):
    memory.add("I live in Lisbon.", user_id="ana")
    reading = crew_memory(memory, user_id="ana", read_only=True)
    assert reading.remember("I like tea.") is None
    assert reading.remember_many(["I like tea."]) == []
    assert contents(reading.recall("Where do I live?")) == ["I live in Lisbon."]
    assert len(memory.get_all(user_id="ana")["results"]) == 1


# The storage for CrewAI's own memory


def record(content, vector, **fields):
    return MemoryRecord(content=content, embedding=vector, **fields)


def test_the_storage_searches_by_vector_within_its_filters(storage):
    storage.save(
        [
            record("sea", [1.0, 0.0], scope="/travel/coast", categories=["water"], metadata={"team": "red"}),
            record("river", [0.8, 0.6], scope="/travel"),
            record("office", [0.0, 1.0], scope="/work"),
            record("another embedder's", [1.0, 0.0, 0.0]),
        ]
    )
    found = storage.search([1.0, 0.0], limit=2)
    assert [(one.content, round(score, 3)) for one, score in found] == [("sea", 1.0), ("river", 0.8)]
    assert [one.content for one, _ in storage.search([0.0, 1.0], "/travel", min_score=0.1)] == ["river"]
    assert [one.content for one, _ in storage.search([1.0, 0.0], categories=["water"])] == ["sea"]
    assert [one.content for one, _ in storage.search([1.0, 0.0], metadata_filter={"team": "red"})] == ["sea"]


def test_the_storage_returns_records_unchanged(storage):
    saved = record("sea", [1.0, 0.0], scope="/a/b", categories=["x"], metadata={"k": [1]}, importance=0.0, source="s")
    storage.save([saved])
    before = saved.model_dump(exclude={"last_accessed"})
    assert storage.get_record(saved.id).model_dump(exclude={"last_accessed"}) == before
    storage.update(saved.model_copy(update={"content": "hills", "embedding": [0.0, 1.0]}))
    assert [(one.content, one.id) for one, _ in storage.search([0.0, 1.0], min_score=0.9)] == [("hills", saved.id)]


def test_the_storage_counts_lists_and_deletes(storage, memory):
    old = datetime(2020, 1, 1)  # noqa: DTZ001 - as CrewAI has it
    storage.save([record("old", [1.0], scope="/a", created_at=old), record("new", [1.0], scope="/a/b")])
    memory.add("I live in Porto.", user_id="ben")
    assert (storage.count(), storage.count("/a/b"), storage.count("/a-not")) == (2, 1, 0)
    assert [one.content for one in storage.list_records()] == ["new", "old"]
    assert storage.get_scope_info("/a").oldest_record == old
    assert storage.delete(older_than=datetime(2021, 1, 1)) == 1  # noqa: DTZ001
    storage.reset()
    assert storage.count() == 0
    assert len(memory.get_all(user_id="ben")["results"]) == 1


async def test_the_storage_has_awaitable_methods(storage):
    await storage.asave([record("sea", [1.0])])
    assert [one.content for one, _ in await storage.asearch([1.0], limit=1)] == ["sea"]
    assert await storage.adelete(scope_prefix="/") == 1


def test_crewais_own_memory_works_on_the_storage(storage):
    assert isinstance(storage, StorageBackend)
    own = CrewAIMemory(
        storage=storage, llm=ScriptedLLM(), embedder=lambda batch: [[float("sea" in one), 1.0] for one in batch]
    )
    own.remember("the sea", scope="/x", categories=["c"], importance=0.5, metadata={})
    own.remember("the hills", scope="/x", categories=["c"], importance=0.5, metadata={})
    assert contents(own.recall("sea", depth="shallow"))[0] == "the sea"
    assert contents(own.recall("sea", depth="deep"))[0] == "the sea"
    own.close()


def test_a_storage_without_a_scope_is_refused(memory):
    with pytest.raises(InvalidInput, match="no scope is named"):
        HoldfastStorage(memory)


def test_a_fact_told_under_several_paths_is_found_under_each(ours):
    ours.remember("I like night trains.", scope="/travel/rail", categories=["rail"])
    ours.remember("I like night trains.", scope="/work", categories=["job"])
    ours.remember("I like night trains!", scope="/travel/rail")
    (record,) = ours.list_records()
    assert record.categories == ["rail", "job"]
    for path, own in (("/travel/rail", "/travel/rail"), ("/travel", "/travel/rail"), ("/work", "/work")):
        (match,) = ours.recall("What do I like?", scope=path)
        assert (match.record.content, match.record.scope) == ("I like night trains.", own)
        assert [record.scope for record in ours.list_records(scope=path)] == [own]
    assert ours.list_scopes() == ["/travel", "/work"]
    assert ours.list_scopes("/travel") == ["/travel/rail"]
    assert ours.info("/work").record_count == ours.info("/travel").record_count == ours.info("/").record_count == 1
    assert ours.slice(["/work", "/home"]).recall("What do I like?")[0].record.scope == "/work"
    assert ours.recall("What do I like?", scope="/home") == []


def test_forgetting_a_path_leaves_what_was_told_under_another(ours):
    for path in ("/a", "/b", "/c/d"):
        ours.remember("I like night trains.", scope=path)
    ours.remember("I live in Lisbon.", scope="/a")
    assert ours.forget(scope="/a") == 2
    assert contents(ours.recall("What do I like? Where do I live?", scope="/a")) == []
    for path in ("/b", "/c", "/c/d", "/"):
        assert contents(ours.recall("What do I like?", scope=path)) == ["I like night trains."]
    ours.reset(scope="/c")
    assert contents(ours.recall("What do I like?", scope="/c/d")) == []
    assert contents(ours.recall("What do I like?", scope="/b")) == ["I like night trains."]
    assert ours.forget(scope="/b") == 1
    assert ours.list_records() == []


def test_forgetting_everything_forgets_what_has_several_paths(ours):
    for path in ("/a", "/b"):
        ours.remember("I like night trains.", scope=path)
    assert ours.forget() == 1
    assert ours.list_records() == []


def test_what_was_known_from_outside_is_found_under_a_path_and_stays_when_it_is_forgotten(memory):
    memory.add("I like night trains.", user_id="ana")
    crew = crew_memory(memory, user_id="ana")
    crew.remember("I like night trains.", scope="/a")
    assert contents(crew.recall("What do I like?", scope="/a")) == ["I like night trains."]
    crew.forget(scope="/a")
    assert contents(crew.recall("What do I like?", scope="/a")) == []
    crew.remember("I like night trains.", scope="/a")
    crew.reset()
    (item,) = memory.get_all(user_id="ana")["results"]
    assert (item["memory"], item["metadata"]) == ("I like night trains.", None)
    crew_memory(memory, user_id="ana", clears_scope=True).reset()
    assert memory.get_all(user_id="ana")["results"] == []


def test_a_changed_record_keeps_its_paths_until_it_moves(ours, storage):
    for path in ("/a", "/b"):
        ours.remember("I like night trains.", scope=path)
    (record,) = ours.list_records()
    storage.update(record.model_copy(update={"content": "I like slow trains."}))
    assert contents(ours.recall("What do I like?", scope="/b")) == ["I like slow trains."]
    storage.update(record.model_copy(update={"scope": "/c"}))
    assert ours.list_scopes() == ["/c"]


async def test_awaited_paths_are_kept_too(ours):
    await ours.aremember("I like night trains.", scope="/a")
    await ours.aremember("I like night trains.", scope="/b")
    for path in ("/a", "/b"):
        assert contents(await ours.arecall("What do I like?", scope=path)) == ["I like night trains."]
