"""Huge, broken and random replies of a model are read as far as possible and never raise another error."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, strategies as st
from tests.core.extraction.replies.examples import FACTS, KNOWN, TO_PORTO

from holdfast.errors import UnreadableReply
from holdfast.extraction.replies import parse_decisions, parse_facts
from holdfast.extraction.replies.placeholders import is_placeholder

# The start, the part that is repeated, and the end.
HUGE_REPLIES = {
    "good facts": ('{"facts": [', '{"text": "Has a cat", "turn": 1}, ', '"Is vegan"]}'),
    "cut facts": ('{"facts": [', '{"text": "Has a cat", "turn": 1}, ', ""),
    "last bracket missing": ('{"facts": [', '{"text": "Has a cat", "turn": 1}, ', '"Is vegan"]'),
    "stray quotes": ('{"facts": ["', 'a "b" c ', '"]}'),
    "stray apostrophes": ("{'facts': [", "'it's so', ", "]}"),
    "single quotes": ("{'facts': [", "'Has a cat', ", "]}"),
    "broken lines": ("", "{'text': 'Has a cat'}\n", ""),
    "lines of facts": ("", '{"text": "Has a cat"}\n', ""),
    "open texts": ('{"facts": [', '{"text: "a b, ', ""),
    "backslashes": ('{"facts": ["', '\\"', ""),
    "brackets": ("", "[", ""),
    "objects": ("", '{"a":', ""),
    "empty objects": ("", "{}", ""),
    "prose in braces": ("", "{x} [y] ", ""),
    "thoughts": ("", "<think>", ""),
}


@pytest.mark.parametrize(("opening", "repeated", "closing"), HUGE_REPLIES.values(), ids=HUGE_REPLIES)
def test_a_reply_of_a_megabyte_is_read_or_unreadable(opening, repeated, closing):
    read_quietly(opening + repeated * (1_000_000 // len(repeated)) + closing)


def test_a_huge_valid_reply_is_read_whole():
    entries = ", ".join(f'{{"text": "Has cat {number}", "turn": 1}}' for number in range(25_000))
    for closing in ("]}", "]", ""):
        assert len(parse_facts('{"facts": [' + entries + closing, turns=2)[0]) == 25_000


def test_only_the_start_of_a_long_broken_reply_is_repaired_and_the_rest_is_reported():
    facts, skipped = parse_facts("{'facts': [" + "'Has a cat', " * 10_000 + "'Is vegan']}", turns=2)
    assert 1_000 < len(facts) < 2_000
    assert [one.reason for one in skipped] == ["truncated"]
    assert skipped[0].text.count("Has a cat") == 10_000 - len(facts)


def test_a_long_text_full_of_stray_quotes_is_unreadable_at_once():
    with pytest.raises(UnreadableReply):
        parse_facts('{"facts": ["' + 'a "b" c ' * 600 + '"]}', turns=2)


def test_at_most_10000_lines_are_read_and_the_rest_is_reported():
    facts, skipped = parse_facts('{"text": "Has a cat"}\n' * 10_001, turns=2)
    assert len(facts) == 10_000
    assert skipped[0].text == '{"text": "Has a cat"}'


def read_quietly(reply):
    """Parse `reply` as facts and as decisions, `None` for unreadable; any other error fails the test."""
    return (
        or_none(lambda: parse_facts(reply, turns=2)),
        or_none(lambda: parse_decisions(reply, facts=FACTS, known=KNOWN)),
    )


def or_none(read):
    try:
        return read()
    except UnreadableReply:
        return None


PIECES = [
    *"{}[]\"':,\\/#\n\ud83d\0 ",
    '{"facts": [',
    '{"decisions": [',
    TO_PORTO,
    '{"text": "Has a cat", "turn": 0}',
    "'Has a cat'",
    '"event": "DELETE"',
    '"memory": 1',
    "```json",
    "<think>",
    "</think>",
    "null",
    "1e999",
    "//",
    "/*",
    "“",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
@example("[" * 1000)
@example('{"facts": ' * 200 + "[]" + "}" * 200)
@example('{"facts": [' + "[" * 500 + "]" * 500 + "]}")
@example('{"facts": [{"text": "a b", "turn": ' + "9" * 5000 + "}]}")
def test_no_reply_raises_anything_but_unreadable(reply):
    read_quietly(reply)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).filter(
    lambda text: text == text.strip() and any(map(str.isalnum, text)) and not is_placeholder(text)
)


@given(st.lists(texts, min_size=1, max_size=5), st.booleans(), st.data())
def test_a_truncated_reply_gives_exactly_its_complete_facts(written, escaped, data):
    entries = [json.dumps({"text": text, "turn": 0}, ensure_ascii=escaped) for text in written]
    reply = f'{{"facts": [{", ".join(entries)}]}}'
    cut = reply[: data.draw(st.integers(0, len(reply)))]
    whole = [text for at, text in enumerate(written) if cut.startswith(f'{{"facts": [{", ".join(entries[: at + 1])}')]
    read = read_quietly(cut)[0]
    assert [fact.text for fact in read[0]] == whole if read else not whole


@given(
    st.lists(st.from_regex(r"[A-Za-zé][a-z ',]{0,12}[a-z]", fullmatch=True), min_size=1, max_size=4),
    st.data(),
)
def test_a_garbled_reply_never_gives_half_a_text(written, data):
    reply = json.dumps({"facts": written}, ensure_ascii=False)
    at = data.draw(st.integers(0, len(reply) - 1))
    garbled = reply[:at] + data.draw(st.sampled_from(["", "'", '"', ",", ":", "]", "}", "/", "x"])) + reply[at + 1 :]
    read = read_quietly(garbled)[0]
    for fact in read[0] if read else []:
        assert re.search(rf"""["']\s*{re.escape(fact.text)}\s*["']""", garbled)


SPELLED = {0: 0, 1: 1, 2: 2, "0": 0, "M1": 1}
indexes = st.one_of(st.none(), st.integers(-2, 5), st.sampled_from(["0", "M1", "id-1", 1.0, True]))
entries = st.fixed_dictionaries(
    {
        "fact": indexes,
        "event": st.sampled_from(["ADD", "UPDATE", "DELETE", "NONE", "add", "?", None]),
        "memory": indexes,
    },
    optional={
        "text": st.sampled_from(["", "Lives in Porto", "Likes green tea", "Collects stamps", None]),
        "id": indexes,
    },
)


@given(st.lists(entries, max_size=8))
def test_decisions_are_always_applicable_and_complete(written):
    read = read_quietly(json.dumps({"decisions": written}))[1]
    if read is None:
        return
    decisions = read[0]
    changed = [one.known for one in decisions if one.event in {"UPDATE", "DELETE"}]
    assert all(known is not None and 0 <= known < len(KNOWN) for known in changed)
    assert len(changed) == len(set(changed)), "no memory is changed twice"
    added = [one.fact for one in decisions if one.event == "ADD"]
    assert len(added) == len(set(added)), "no fact is added twice"
    # A fact whose memory another fact already deleted needs no decision.
    fulfilled = {SPELLED.get(one["fact"]) for one in written if one["event"] == "DELETE"}
    assert {one.fact for one in decisions} | fulfilled >= set(range(len(FACTS))), "no fact is lost"
    assert all(one.text for one in decisions if one.event in {"ADD", "UPDATE"})
    assert all(one.text != "Collects stamps" for one in decisions)
