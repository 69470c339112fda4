"""What a model really sends: read where it holds an answer, and treated alike wherever a model is asked."""

import asyncio
import json

import pytest
from tests.core.providers.openai_engines import KEY, chat
from tests.results import add_verbatim, reasons, texts

from holdfast import AsyncMemory, Memory, ProviderError
from holdfast.testing import Completion, Fault, ScriptedChatModel, ToolCall, scripted_openai_server

FACTS = {"facts": [{"text": "Likes tea", "turn": 0, "attributed_to": "user", "standing": "none"}]}
WRITTEN = json.dumps(FACTS)
CUT = f"<think>Perhaps {WRITTEN}, or"


def message(finish_reason="stop", **fields):
    """Return a completion whose message has `fields` in the place of a text."""
    return Completion(finish_reason=finish_reason, message={"content": None, **fields})


def error(status=200, **fields):
    return Fault(status, body=json.dumps(fields))


def add_to(server, *, keep_turns=False, **options):
    with Memory(":memory:", llm=chat(server, max_retries=0, **options), embedder="hashing") as memory:
        return memory.add("I like tea", user_id="ana", keep_turns=keep_turns)


ANSWERS = {
    "text": WRITTEN,
    "parts": message(content=[{"type": "text", "text": WRITTEN}]),
    "text in several parts": message(
        content=[{"type": "text", "text": WRITTEN[:19]}, {"type": "text", "text": WRITTEN[19:]}]
    ),
    "reasoning, then text": message(
        content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": WRITTEN}]
    ),
    "an object": message(content=FACTS),
    "a tool call": ToolCall("save", FACTS),
    "an older tool call": message(function_call={"name": "save", "arguments": WRITTEN}),
    "a tool call with an object": message(
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "save", "arguments": FACTS}}]
    ),
    "blank text and a tool call": Completion(" \n", (ToolCall("save", FACTS),)),
    "reasoning_content": message(reasoning_content=f"Let me see. {WRITTEN}"),
    "reasoning": message(reasoning=WRITTEN),
    "closed reasoning": f"<think>Perhaps {{}}?</think>{WRITTEN}",
    "encoded twice": json.dumps(WRITTEN),
    "failed_generation": error(400, error={"message": "Failed to validate JSON", "failed_generation": WRITTEN}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_wherever_a_service_puts_it(answer):
    with scripted_openai_server(answer) as server:
        result = add_to(server)
    assert (texts(result), result["skipped"], len(server.requests)) == (["Likes tea"], [], 1)


def test_several_tool_calls_are_read_together():
    calls = tuple(ToolCall("save", {"facts": [text]}) for text in ("Likes tea", "Lives in Rome"))
    with scripted_openai_server(Completion(tool_calls=calls)) as server:
        assert texts(add_to(server)) == ["Likes tea", "Lives in Rome"]


NO_ANSWERS = {
    "empty": "",
    "blank": " \n",
    "null": message(),
    "no parts": message(content=[]),
    "only reasoning": message(content=[{"type": "thinking", "thinking": "Hm"}]),
    "cut in its reasoning": Completion(CUT, finish_reason="length"),
    "cut in reasoning_content": message("length", reasoning_content=f"Perhaps {WRITTEN}"),
    "reasoning without JSON": message(reasoning_content="She likes tea"),
    "filtered": message("content_filter"),
    "refused": message(refusal="I may not say"),
    "prose": "She likes tea.",
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.parametrize("keep_turns", [False, True])
def test_a_reply_without_an_answer_is_retried_once_and_then_named(answer, keep_turns):
    with scripted_openai_server(answer) as server:
        result = add_to(server, keep_turns=keep_turns)
    assert (result["results"], reasons(result), len(server.requests)) == ([], ["unreadable reply"], 2)
    assert texts({"results": result.get("turns", [])}) == ["I like tea"] * keep_turns
    with scripted_openai_server([answer, WRITTEN]) as server:
        assert texts(add_to(server)) == ["Likes tea"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (message("length"), "'length'"),
        (message("content_filter"), "'content_filter'"),
        (message(refusal="I may not say"), "I may not say"),
        (Completion(CUT, finish_reason="length"), "within its reasoning"),
    ],
)
def test_the_detail_says_why_there_is_no_answer(answer, words):
    with scripted_openai_server(answer) as server:
        assert words in add_to(server)["skipped"][0]["detail"]


EMPTY = [None, "", " ", [], [{"type": "thinking", "thinking": "Hm"}], CUT]


class Replying:
    """A chat model of a caller that returns `reply`, whatever it is, to every question after the first `answers`."""

    provider = "own"

    def __init__(self, reply, *answers):
        self.calls = 0
        self._reply, self._answers = reply, list(answers)

    def complete(self, messages, *, schema=None):  # noqa: ARG002 - the protocol's arguments
        self.calls += 1
        return self._answers.pop(0) if self._answers else self._reply


@pytest.mark.parametrize("reply", EMPTY)
def test_an_empty_reply_is_treated_alike_wherever_a_model_is_asked(reply):
    for keep_turns in (False, True):
        model = Replying(reply)
        with Memory(":memory:", llm=model, embedder="hashing") as memory:
            result = memory.add("I like tea", user_id="ana", keep_turns=keep_turns)
            assert (reasons(result), model.calls) == (["unreadable reply"], 2)
            assert len(result.get("turns", [])) == keep_turns
    model = Replying(reply, WRITTEN)
    with Memory(":memory:", llm=model, embedder="hashing", reranker="llm") as memory:
        add_verbatim(memory, "I like tea", "Ana likes tea", user_id="ana")
        decided = memory.add("I like tea a lot", user_id="ana")
        assert (texts(decided), reasons(decided)) == (["Likes tea"], ["unreadable reply"]), "the fact is added"
        for option, calls in (("rerank", 2), ("filter_memories", 2)):
            before = model.calls
            found = memory.search("tea", user_id="ana", **{option: True})
            assert (len(found["results"]), len(found["warnings"]), model.calls - before) == (3, 1, calls)


def test_awaited_engines_treat_an_empty_reply_alike():
    async def add(server):
        model = chat(server, max_retries=0)
        async with AsyncMemory(":memory:", llm=model, embedder="hashing") as memory:
            result = await memory.add("I like tea", user_id="ana", keep_turns=True)
            await model.aclose()
            return result

    with scripted_openai_server("") as server:
        result = asyncio.run(add(server))
    assert (reasons(result), len(result["turns"]), len(server.requests)) == (["unreadable reply"], 1, 2)


@pytest.mark.parametrize(
    "parts", [[{"type": "text", "text": WRITTEN}], [WRITTEN], [{"text": WRITTEN}], {"text": WRITTEN}]
)
def test_the_parts_of_a_callers_model_are_joined(parts):
    with Memory(":memory:", llm=Replying(parts), embedder="hashing") as memory:
        assert texts(memory.add("I like tea", user_id="ana")) == ["Likes tea"]


def test_a_reply_that_is_no_text_is_refused_by_its_type():
    with Memory(":memory:", llm=Replying(7), embedder="hashing") as memory, pytest.raises(ProviderError, match="int"):
        memory.add("I like tea", user_id="ana")


ERRORS = {
    "OpenRouter": (error(error={"message": "No credits left", "code": 402}), "No credits left", False),
    "OpenRouter, busy": (error(error={"message": "Rate limit of the model", "code": 429}), "Rate limit", True),
    "Ollama": (error(error="model 'x' not found"), "model 'x' not found", False),
    "FastAPI": (error(detail="Not authenticated"), "Not authenticated", False),
    "vLLM": (error(object="error", message="The model is loading", code=503), "The model is loading", False),
    "Cloudflare": (error(success=False, errors=[{"message": "No such account", "code": 7}]), "No such account", False),
    "in a choice": (
        error(choices=[{"index": 0, "error": {"message": "Upstream died", "code": 502}, "message": None}]),
        "Upstream died",
        True,
    ),
}


@pytest.mark.parametrize(("answer", "words", "retryable"), ERRORS.values(), ids=ERRORS)
def test_an_error_with_status_200_is_raised_in_the_services_words(answer, words, retryable):
    with scripted_openai_server(answer) as server, pytest.raises(ProviderError, match=words) as caught:
        add_to(server)
    assert (caught.value.retryable, len(server.requests)) == (retryable, 1)


@pytest.mark.parametrize("key", ["x", "test", "none", "EMPTY", "ollama", KEY])
def test_only_a_key_that_can_be_a_secret_is_taken_out_of_errors(key):
    words = f"the latest test of {key} found none in ollama, EMPTY box"
    with scripted_openai_server(Fault(401, words)) as server, pytest.raises(ProviderError) as caught:
        add_to(server, api_key=key)
    assert (words in str(caught.value)) == (key != KEY)
    assert KEY not in str(caught.value)


def test_placeholders_of_a_model_are_named_and_not_stored():
    model = ScriptedChatModel([{"facts": ["<fact>", "string", "...", "Likes tea", "N/A"]}])
    with Memory(":memory:", llm=model, embedder="hashing") as memory:
        result = memory.add("I like tea", user_id="ana")
    assert (texts(result), reasons(result)) == (["Likes tea"], ["placeholder", "placeholder", "blank", "placeholder"])
