"""A verb that is called with a name it does not have says which one is meant."""

import asyncio

import pytest

from holdfast import AsyncMemory, InvalidInput, Memory, ScopedMemory
from holdfast.errors import UnknownArgument
from holdfast.operations.verbs import VERBS

KNOWN = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


@pytest.mark.parametrize(
    ("verb", "args", "names", "meant"),
    [
        *(("add", ["I like tea"], [name], "user_id") for name in ("user", "userId", "userid", "USER_ID", "uid")),
        *(("search", ["tea"], [name], "user_id") for name in ("user", "userId", "user_name")),
        *(("get_all", [], [name], "agent_id") for name in ("agent", "agentId", "assistant_id")),
        *(("add", ["tea"], [name], "run_id") for name in ("session_id", "thread_id", "conversation_id", "runId")),
        ("add", ["tea"], ["app"], "app_id"),
        ("add", ["tea"], ["speaker"], "actor_id"),
        *(("add", [], [name], "messages") for name in ("data", "text", "content", "memory", "message", "input")),
        *(("search", [], [name], "query") for name in ("text", "q", "question", "messages")),
        *(("search", ["tea"], [name], "limit") for name in ("k", "n_results", "top_n", "size")),
        *(("search", ["tea"], [name], "filters") for name in ("filter", "where", "fliters")),
        *(("search", ["tea"], [name], "threshold") for name in ("min_score", "score_threshold")),
        *(("get", [], [name], "memory_id") for name in ("id", "memoryId", "uuid")),
        *(("update", [KNOWN], [name], "text") for name in ("memory", "content", "new_text")),
        ("update", [], ["id"], "memory_id"),
        *(("add", ["tea"], [name], "metadata") for name in ("meta", "metadatas", "meta_data")),
        *(("add", ["tea"], [name], "timestamp") for name in ("created_at", "date", "time_stamp")),
        *(("add", ["tea"], [name], "expiration_date") for name in ("expires_at", "ttl", "expiration")),
        ("add", ["tea"], ["output_format"], None),
        ("search", ["tea"], ["version"], None),
    ],
)
def test_another_name_is_answered_with_the_one_that_is_meant(memory, verb, args, names, meant):
    way_out = f"use {meant}$" if meant else "it has .*user_id, agent_id"
    with pytest.raises(UnknownArgument, match=f"{verb} has no parameter '{names[0]}': {way_out}") as refusal:
        getattr(memory, verb)(*args, **dict.fromkeys(names, "ana"))
    assert isinstance(refusal.value, TypeError)
    assert isinstance(refusal.value, InvalidInput)
    assert memory.users() == {"count": 0, "results": []}

    async def awaited():
        with pytest.raises(UnknownArgument, match=way_out):
            await getattr(AsyncMemory.over(memory), verb)(*args, **dict.fromkeys(names, "ana"))

    asyncio.run(awaited())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_refuses_unknown_names_and_too_many_arguments(memory, verb):
    with pytest.raises(UnknownArgument, match=f"{verb.name} has no parameter 'nonsense'"):
        getattr(memory, verb.name)(nonsense=1)
    with pytest.raises(UnknownArgument, match=f"{verb.name} takes .* without a name, 9 arguments have none"):
        getattr(memory, verb.name)(*["ana"] * 9)


def test_a_scope_given_by_position_is_answered_with_its_name(memory):
    for call in (lambda: memory.add("I like tea", "ana"), lambda: memory.search("tea", "ana")):
        with pytest.raises(UnknownArgument, match="name the others, as in user_id="):
            call()


def test_the_options_of_a_scoped_add_are_checked_too(memory):
    scoped = ScopedMemory(memory, user_id="ana", on_error="raise")
    with pytest.raises(UnknownArgument, match="use metadata"):
        scoped.add("I like tea", meta={})
