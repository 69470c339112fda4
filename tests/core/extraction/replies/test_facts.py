"""Facts are read from a model's reply in every usual form."""

from __future__ import annotations

import json

import pytest
from tests.core.extraction.replies.examples import UNREADABLE

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Fact
from holdfast.extraction.replies import parse_facts
from holdfast.extraction.replies.entries import MAX_TEXT_LENGTH

# The reply, the texts read from it, and the reasons for what was skipped.
FACT_REPLIES = {
    "as asked": ('{"facts": [{"text": "Has a cat", "turn": 0, "attributed_to": "user"}]}', ["Has a cat"], []),
    "nothing to keep": ('{"facts": []}', [], []),
    "null for nothing": ('{"facts": null}', [], []),
    "bare empty list": ("[]", [], []),
    "fenced": ('```json\n{"facts": ["Has a cat"]}\n```', ["Has a cat"], []),
    "fence without a language": ('```\n{"facts": ["Has a cat"]}\n```', ["Has a cat"], []),
    "fence never closed": ('```json\n{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "prose before": ('Here are the facts:\n{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "prose after": ('{"facts": ["Has a cat"]}\nAnything else?', ["Has a cat"], []),
    "brackets in the prose": ('The [facts] as {json}: {"facts": ["Has a cat"]} see [1].', ["Has a cat"], []),
    "quoted bracket in the prose": ('As ["asked"] for: {"facts": ["Has a cat"]}', ["Has a cat"], []),
    "thoughts first": ('<think>{"facts": ["Dogs"]}? No.</think>{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "broken thoughts": ('<think>{"facts: [</think>\n{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "thoughts never closed": ('<think>She has a cat. {"facts": ["Has a cat"]}', ["Has a cat"], []),
    "thoughts without opening": ('A cat.</think>{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "byte order mark": ('\ufeff{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "trailing commas": ('{"facts": ["Has a cat", "Is vegan",],}', ["Has a cat", "Is vegan"], []),
    "single quotes": ("{'facts': ['Has a cat', 'Is vegan']}", ["Has a cat", "Is vegan"], []),
    "escaped apostrophe": (
        "{'facts': ['Ana\\'s cat is Tom', \"It's old\"]}",
        ["Ana's cat is Tom", "It's old"],
        [],
    ),
    "line comment": ('{"facts": ["Has a cat", // told first\n"Is vegan"]}', ["Has a cat", "Is vegan"], []),
    "block comment": ('{"facts": ["Has a cat", "Is vegan"] /* all */}', ["Has a cat", "Is vegan"], []),
    "Python literals": ("{'facts': [{'text': 'Has a cat', 'turn': None, 'sure': True}]}", ["Has a cat"], []),
    "curly quotes": ("{“facts”: [“Has a cat”]}", ["Has a cat"], []),
    "unescaped quotes": ('{"facts": ["Reads "Emma" again"]}', ['Reads "Emma" again'], []),
    "unescaped inch": ('{"facts": [{"text": "Is 6\'2" tall", "turn": 0}]}', ["Is 6'2\" tall"], []),
    "raw line break": ('{"facts": ["Has a cat\nand a dog"]}', ["Has a cat\nand a dog"], []),
    "missing comma": ('{"facts": [{"text": "Has a cat" "turn": 0}]}', ["Has a cat"], []),
    "one bracket too many": ('{"facts": ["Has a cat"]]}', ["Has a cat"], []),
    "last brace missing, then prose": ('{"facts": ["Has a cat"]\nThat is all', ["Has a cat"], ["truncated"]),
    "wrong closing bracket": ('{"facts": ["Has a cat"}', ["Has a cat"], []),
    "last brace missing": ('{"facts": ["Has a cat"]', ["Has a cat"], []),
    "cut in a text": ('{"facts": ["Has a cat", "Lives in Ber', ["Has a cat"], ["truncated"]),
    "cut in an entry": (
        '{"facts": [{"text": "Has a cat"}, {"text": "Lives in Ber',
        ["Has a cat"],
        ["truncated"],
    ),
    "cut in a number": (
        '{"facts": [{"text": "Has a cat"}, {"text": "Is vegan", "turn": 1',
        ["Has a cat"],
        ["truncated"],
    ),
    "cut between entries": ('{"facts": [{"text": "Has a cat"}, ', ["Has a cat"], ["truncated"]),
    "cut in a fence": ('```json\n{"facts": ["Has a cat", "Is ve\n```', ["Has a cat"], ["truncated"]),
    "cut single quotes": ("{'facts': ['Has a cat', 'Is ve", ["Has a cat"], ["truncated"]),
    "cut in the first text": ('{"facts": [{"text": "Lives in Ber', UNREADABLE, []),
    "cut after the name": ('{"facts":', UNREADABLE, []),
    "cut in the name": ('{"fac', UNREADABLE, []),
    "value missing": ('{"facts": }', UNREADABLE, []),
    "blank text for nothing": ('{"facts": ""}', [], ["blank"]),
    "cut before any": ('{"facts": [', UNREADABLE, []),
    "stray apostrophes": (
        "{'facts': ['Is vegan', 'Ana's cat is Tom']}",
        ["Is vegan"],
        ["damaged", "damaged"],
    ),
    "text broken by a quote": ("{'facts': [{'text': 'It's his, isn't it'}]}", UNREADABLE, []),
    "unquoted texts": ('{"facts": [Lives in Berlin, Germany]}', UNREADABLE, []),
    "draft, then answer": ('{"facts": ["Has a dog"]} No:\n{"facts": ["Has a cat"]}', ["Has a cat"], []),
    "other objects around": ('{"ok": true} {"facts": ["Has a cat"]} {"done": 1}', ["Has a cat"], []),
    "JSON lines of entries": ('{"text": "Has a cat"}\n{"text": "Is vegan"}', ["Has a cat", "Is vegan"], []),
    "JSON lines of lists": (
        '{"facts": ["Has a cat"]}\n{"facts": ["Is vegan"]}',
        ["Has a cat", "Is vegan"],
        [],
    ),
    "JSON lines, single quotes": (
        "{'text': 'Has a cat'}\n{'text': 'Is vegan'}",
        ["Has a cat", "Is vegan"],
        [],
    ),
    "list closed too early": (
        '{"facts": [{"text": "Has a cat"}]}, {"text": "Is vegan"}]}',
        ["Has a cat", "Is vegan"],
        [],
    ),
    "one text": ('{"facts": "Has a cat"}', ["Has a cat"], []),
    "one entry": ('{"facts": {"text": "Has a cat", "turn": 0}}', ["Has a cat"], []),
    "entry without a list": ('{"text": "Has a cat", "turn": 0}', ["Has a cat"], []),
    "list without a name": ('["Has a cat", "Is vegan"]', ["Has a cat", "Is vegan"], []),
    "entries without a name": (
        '[{"fact": "Has a cat"}, {"memory": "Is vegan"}]',
        ["Has a cat", "Is vegan"],
        [],
    ),
    "numbered object": ('{"facts": {"0": "Has a cat", "1": "Is vegan"}}', ["Has a cat", "Is vegan"], []),
    "other keys": (
        '{"facts": [{"content": "A b"}, {"data": "C d"}, {"value": "E f"}, {"Text": "G h"}]}',
        ["A b", "C d", "E f", "G h"],
        [],
    ),
    "other list name": ('{"memories": [{"text": "Has a cat"}]}', ["Has a cat"], []),
    "Mem0's newer form": ('{"memory": [{"id": "0", "text": "Has a cat"}]}', ["Has a cat"], []),
    "capital name": ('{"Facts": ["Has a cat"]}', ["Has a cat"], []),
    "one level too deep": ('{"result": {"facts": ["Has a cat"]}}', ["Has a cat"], []),
    "empty, one level too deep": ('{"result": {"facts": []}}', [], []),
    "name twice": ('{"facts": {"facts": ["Has a cat"]}}', ["Has a cat"], []),
    "list around": ('[{"facts": ["Has a cat"]}]', ["Has a cat"], []),
    "null entries": ('{"facts": [null, "Has a cat", null]}', ["Has a cat"], []),
    "blank entries": ('{"facts": ["", "  ", "...", "Has a cat"]}', ["Has a cat"], ["blank"] * 3),
    "entries of other kinds": (
        '{"facts": [5, true, [], {"turn": 1}, "Has a cat"]}',
        ["Has a cat"],
        ["not text"] * 4,
    ),
    "number for a text": ('{"facts": [{"text": 7}]}', UNREADABLE, []),
    "over-long entry": (
        json.dumps({"facts": ["a" * (MAX_TEXT_LENGTH + 1), "b" * MAX_TEXT_LENGTH]}),
        ["b" * MAX_TEXT_LENGTH],
        ["too long"],
    ),
    "what no file can keep": ('{"facts": ["\\ud83d\\ude00 cat \\ud83d\\u0000!"]}', ["\U0001f600 cat !"], []),
    "properties instead of statements": ('{"facts": {"name": "Ana", "city": "Porto"}}', UNREADABLE, []),
    "empty": ("", UNREADABLE, []),
    "blank": (" \n", UNREADABLE, []),
    "prose": ("I could not find any facts, sorry.", UNREADABLE, []),
    "bullets": ("- Has a cat\n- Is vegan", UNREADABLE, []),
    "null": ("null", UNREADABLE, []),
    "number": ("42", UNREADABLE, []),
    "empty object": ("{}", UNREADABLE, []),
    "another question answered": ('{"answer": 42}', UNREADABLE, []),
    "nested without end": ("[" * 100_000, UNREADABLE, []),
    "objects without end": ('{"facts":' * 100_000, UNREADABLE, []),
}


@pytest.mark.parametrize(("reply", "texts", "reasons"), FACT_REPLIES.values(), ids=FACT_REPLIES)
def test_every_complete_fact_in_a_reply_is_read(reply, texts, reasons):
    if texts == UNREADABLE:
        with pytest.raises(UnreadableReply) as raised:
            parse_facts(reply, turns=2)
        assert raised.value.provider == "model"
        return
    facts, skipped = parse_facts(reply, turns=2)
    assert [fact.text for fact in facts] == texts
    assert [one.reason for one in skipped] == reasons


TURNS = {
    "0": 0,
    "1": 1,
    "1.0": 1,
    '"1"': 1,
    '"[1]"': 1,
    '"turn 1"': None,
    "2": None,
    "-1": None,
    "null": None,
    "true": None,
    "0.5": None,
    "NaN": None,
    "1e400": None,
    "[0]": None,
    '"' + "9" * 5000 + '"': None,
}


@pytest.mark.parametrize(("written", "turn"), TURNS.items(), ids=[name[:9] for name in TURNS])
def test_a_fact_never_names_a_turn_that_does_not_exist(written, turn):
    facts, _ = parse_facts(f'{{"facts": [{{"text": "Has a cat", "turn": {written}}}]}}', turns=2)
    assert facts == [Fact("Has a cat", turn, "user")]


@pytest.mark.parametrize(
    ("written", "whose"),
    [("assistant", "assistant"), ("Assistant ", "assistant"), ("user", "user"), ("Ana", "user")],
)
def test_facts_are_attributed_to_the_user_by_default(written, whose):
    reply = json.dumps({"facts": [{"text": "Has a cat", "attributed_to": written}]})
    assert parse_facts(reply, turns=0)[0][0].attributed_to == whose


def test_truncated_text_is_reported_in_skipped():
    _, skipped = parse_facts('{"facts": ["Has a cat", "Lives in Ber', turns=1)
    assert skipped[0].text == '"Lives in Ber'


@pytest.mark.parametrize(
    ("written", "standing"),
    [('"profile"', "profile"), ('" Preference "', "preference"), ('"instruction"', "instruction"), ('"none"', "none")]
    + [(odd, None) for odd in ("null", '"sometimes"', "1", "[]", '""')],
)
def test_standing_is_read_from_the_reply_or_none(written, standing):
    facts, skipped = parse_facts(f'{{"facts": [{{"text": "Has a cat", "turn": 0, "standing": {written}}}]}}', turns=1)
    assert (facts, skipped) == ([Fact("Has a cat", 0, "user", standing)], [])
