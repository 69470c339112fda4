"""No text makes a verb slow: the time grows with the length of a text, whatever is in it."""

import time
import unicodedata

import pytest
from hypothesis import given, strategies as st
from tests.scripted import decisions, facts

from holdfast import MEMORY_TOOLS, Memory, ScopedMemory
from holdfast.extraction.fence import fenced_line, split_fenced
from holdfast.retrieval.normalize import normalize
from holdfast.testing import ScriptedChatModel

LENGTH = 24_000
QUICK = 0.4  # seconds for `LENGTH` characters: below, no growth is measured
MOST_GROWTH = 8  # of the time with four times the length: 4 is linear, 16 quadratic


def repeat(unit, *, after="", before=""):
    """Return a function that makes a text of a given length from `unit`."""
    return lambda length: before + (unit * (length // len(unit) + 1))[:length] + after


def number(unit):
    """Return a function that makes a text of a given length from `unit` with a number in it."""
    return lambda length: "".join(unit.format(place) for place in range(length // len(unit) + 1))[:length]


SHAPES = {
    "marks of two classes": repeat("\u0316\u0300", before="a"),
    "voice marks of half-width Katakana": repeat("\u0316\uff9e", before="a"),
    "Hebrew points": repeat("\u05b0\u05b7\u05bc", before="\u05d0"),
    "ligatures that expand": repeat("\ufdfa"),
    "joined emoji": repeat("\U0001f469\u200d"),
    "marks of direction": repeat("\u202e\u200f"),
    "Chinese": repeat("我住在里斯本"),
    "Thai": repeat("ฉันชอบดื่มชา"),
    "one huge word": repeat("a"),
    "base64": repeat("QmFzZTY0+/="),
    "one-letter words": repeat("I a "),
    "small words": repeat("and not so that "),
    "contractions": repeat("don't"),
    "quotes": repeat("\"'“«"),
    "backslashes": repeat("\\"),
    "blanks": repeat(" ", before="a", after="b"),
    "line breaks": repeat(".\n"),
    "bullets": repeat("- "),
    "round brackets": repeat("("),
    "curly brackets": repeat("{"),
    "square brackets": repeat('["a",'),
    "keys": repeat('{"a":'),
    "tags": repeat("<"),
    "tags of blocks": repeat("<recalled-memory>"),
    "tags of ended blocks": repeat("</recalled-memory"),
    "marks of instructions": repeat("(wish"),
    "code fences": repeat("```\n"),
    "questions": repeat("a? "),
    "lists": repeat("tea, coffee and ", before="I like "),
    "sentences": number("I like tea number {}. "),
    "people": number("My friend Bob{} is a nurse. She likes it. "),
    "corrections": repeat("I live in Bonn. Sorry, I meant Kiel. "),
    "facts": lambda length: '{"facts": [' + number('"Likes tea {}", ')(length) + '"x"]}',
    "facts in stray quotes": lambda length: '{"facts": [' + number('"Likes "tea" {}", ')(length) + '"x"]}',
    "cut facts": lambda length: '{"facts": [' + number('"Likes tea {}", ')(length),
}


def open_memory(llm="rules", **options):
    return Memory(":memory:", llm=llm, embedder="hashing", **options)


def add(text):
    memory = open_memory()
    return lambda: memory.add(text, user_id="ana", infer=False, metadata={"said": text})


def add_by_rules(text):
    memory = open_memory()
    return lambda: memory.add(text, user_id="ana", keep_turns=True)


def add_what_a_model_says(text):
    memory = open_memory(ScriptedChatModel([facts(text, f"Ana said {text}")]))
    return lambda: memory.add(text, user_id="ana")


def read_a_reply(text):
    memory = open_memory(ScriptedChatModel([text, text]))
    return lambda: memory.add("I like tea", user_id="ana")


def read_a_broken_reply(text):
    memory = open_memory(ScriptedChatModel(['{"facts": [' + text, "{'facts': ['" + text + "']}"]))
    return lambda: memory.add("I like tea", user_id="ana")


def read_decisions(text):
    memory = open_memory(
        ScriptedChatModel(
            [facts("Likes tea"), decisions({"fact": 0, "event": "UPDATE", "memory": 0, "text": text}), text, text]
        )
    )
    memory.add("Likes teas", user_id="ana", infer=False)
    return lambda: memory.add("I like tea", user_id="ana")


def search(text):
    memory = open_memory()
    memory.add("I like tea", user_id="ana", infer=False)
    return lambda: (memory.search(text, user_id="ana"), memory.context(text, user_id="ana"))


def find(text):
    memory = open_memory()
    memory.add(text, user_id="ana", infer=False)
    return lambda: (memory.search("tea", user_id="ana"), memory.context("tea", user_id="ana"))


def update(text):
    memory = open_memory()
    (added,) = memory.add("I like tea", user_id="ana", infer=False)["results"]
    return lambda: (memory.update(added["id"], text), memory.history(added["id"]))


def put(text):
    memory = open_memory()
    return lambda: memory.put([{"memory_id": "page", "text": text}], user_id="ana")


def match_filters(text):
    memory = open_memory()
    memory.add("I like tea", user_id="ana", infer=False, metadata={"said": text})
    filters = [{"said": text}, {"said": {"contains": text[1:]}}, {"text": {"icontains": text}}]
    return lambda: [memory.get_all(user_id="ana", filters=one) for one in filters]


def rerank(text):
    memory = open_memory(ScriptedChatModel([text] * 4), reranker="llm")
    memory.add(text, user_id="ana", infer=False)
    return lambda: memory.search("tea", user_id="ana", rerank=True)


def use_tools(text):
    scoped = ScopedMemory(open_memory(), user_id="ana")
    tools = {tool.name: tool for tool in MEMORY_TOOLS}
    return lambda: (
        tools["search_memory"].call(scoped, {"query": text}),
        tools["search_memory"].call(scoped, {"query": "tea", "limit": text}),
    )


def split_blocks(text):
    return lambda: (
        split_fenced(text),
        split_fenced(str(fenced_line(text)) + text),
        split_fenced("<recalled-memory>" + text),
    )


VERBS = [
    add,
    add_by_rules,
    add_what_a_model_says,
    read_a_reply,
    read_a_broken_reply,
    read_decisions,
    search,
    find,
    update,
    put,
    match_filters,
    rerank,
    use_tools,
    split_blocks,
]


def seconds_for(verb, shape, length):
    call = verb(SHAPES[shape](length))
    start = time.thread_time()
    call()
    return time.thread_time() - start


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_the_time_of_a_verb_grows_with_the_length_of_the_text(verb):
    def growth(shape, length):
        # The shortest of several: other programs may slow a run down, nothing makes one faster.
        short, long = (min(seconds_for(verb, shape, one) for _ in range(3)) for one in (length // 4, length))
        return round(long / short)

    slow = [shape for shape in SHAPES if seconds_for(verb, shape, LENGTH) > QUICK]
    grown = [shape for shape in slow if growth(shape, LENGTH) > MOST_GROWTH]
    # A shorter text may be refused early, as a reply that cannot be read: what grows too fast goes on to do so.
    still = {shape: times for shape in grown if (times := growth(shape, 4 * LENGTH)) > MOST_GROWTH}
    assert still == {}


@given(st.text(alphabet="a\u0316\u0300\u0327\u0344\uff9e", max_size=300))
def test_normalisation_breaks_long_runs_of_marks_and_loses_none(text):
    result = normalize(text, "NFD")
    marks = "".join("m" if unicodedata.combining(character) else " " for character in result)
    assert max(map(len, marks.split(" "))) <= 2 * 30 + 1  # U+0344 becomes two marks
    assert sorted(result.replace("\u034f", "")) == sorted(unicodedata.normalize("NFD", text))


@given(st.text(max_size=100))
def test_normalisation_is_unicodes_own_for_texts_as_people_write_them(text):
    assert normalize(text, "NFKC") == unicodedata.normalize("NFKC", text)
