"""Flows over one scope are written once and run by blocking and awaiting callers."""

import pytest

from holdfast import AsyncMemory, Flow, InvalidInput, Memory, NotFound, ScopedFlows, ScopedMemory


def remember(flows: ScopedFlows, *texts: str) -> Flow[list[str]]:
    for text in texts:
        yield from flows.add(text, infer=False)
    return [item["memory"] for item in (yield from flows.get_all())]


def replace_missing(flows: ScopedFlows) -> Flow[str]:
    try:
        yield from flows.update("no such id", "text")
    except NotFound:
        yield from flows.add("written instead", infer=False)
    return (yield from flows.get_all())[0]["memory"]


@pytest.mark.parametrize("face", [Memory, AsyncMemory])
async def test_one_flow_serves_blocking_and_awaiting_callers(face):
    scoped = ScopedMemory(face(":memory:", embedder="hashing", llm="rules"), user_id="ana")
    assert scoped.run(remember(scoped.flows, "one")) == ["one"]
    assert await scoped.arun(remember(scoped.flows, "two", "three")) == ["three", "two", "one"]


async def test_a_flow_may_handle_an_error_of_a_verb():
    scoped = ScopedMemory(Memory(":memory:", embedder="hashing"), user_id="ana", on_error="raise")
    assert scoped.run(replace_missing(scoped.flows)) == "written instead"
    assert await scoped.arun(replace_missing(scoped.flows)) == "written instead"


def test_a_flow_follows_on_error():
    memory = Memory(":memory:", embedder="hashing")
    logged = ScopedMemory(memory, user_id="ana")
    assert logged.run(remember(logged.flows, " ")) == []
    raised = logged.raising()
    with pytest.raises(InvalidInput, match="blank"):
        raised.run(remember(raised.flows, " "))
