"""What becomes of a model's reply, however badly it is written."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact, KnownMemory
from holdfast.extraction.replies import parse_decisions, parse_facts
from holdfast.extraction.replies.entries import MAX_TEXT_LENGTH

UNREADABLE = "unreadable"

# The reply, the texts read from it, and the reasons of what was skipped.
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
def test_facts_are_the_users_unless_the_reply_says_otherwise(written, whose):
    reply = json.dumps({"facts": [{"text": "Has a cat", "attributed_to": written}]})
    assert parse_facts(reply, turns=0)[0][0].attributed_to == whose


def test_what_was_cut_off_is_told():
    _, skipped = parse_facts('{"facts": ["Has a cat", "Lives in Ber', turns=1)
    assert skipped[0].text == '"Lives in Ber'


@pytest.mark.parametrize(
    ("written", "standing"),
    [('"profile"', "profile"), ('" Preference "', "preference"), ('"instruction"', "instruction"), ('"none"', "none")]
    + [(odd, None) for odd in ("null", '"sometimes"', "1", "[]", '""')],
)
def test_a_fact_stands_as_the_model_says_or_nobody_knows(written, standing):
    facts, skipped = parse_facts(f'{{"facts": [{{"text": "Has a cat", "turn": 0, "standing": {written}}}]}}', turns=1)
    assert (facts, skipped) == ([Fact("Has a cat", 0, "user", standing)], [])


FACTS = [Fact("Moved to Porto"), Fact("Likes green tea"), Fact("No longer has a dog")]
KNOWN = [
    KnownMemory("id-0", "Lives in Berlin"),
    KnownMemory("id-1", "Has a dog Rex"),
    KnownMemory("id-2", "Likes green tea and cake"),
]


def add(fact, text=""):
    return Decision("ADD", fact, text=text or FACTS[fact].text)


def update(fact, known, text):
    return Decision("UPDATE", fact, known, text)


def delete(fact, known):
    return Decision("DELETE", fact, known)


def none(fact, known=None):
    return Decision("NONE", fact, known, reason="known")


ALL_ADDED = [add(0), add(1), add(2)]
LIVES_IN_PORTO = [update(0, 0, "Lives in Porto"), add(1), add(2)]
TO_PORTO = '{"fact": 0, "event": "UPDATE", "memory": 0, "text": "Lives in Porto"}'

# The entries of the list, the decisions read, and the reasons of what was not obeyed.
DECISION_ENTRIES = {
    "as asked": (
        TO_PORTO + ', {"fact": 1, "event": "NONE", "memory": 2, "text": null},'
        ' {"fact": 2, "event": "DELETE", "memory": 1, "text": null}',
        [update(0, 0, "Lives in Porto"), delete(2, 1), none(1, 2)],
        [],
    ),
    "no decision": ("", ALL_ADDED, []),
    "only one decided": (TO_PORTO, LIVES_IN_PORTO, []),
    "null entry": ("null, " + TO_PORTO, LIVES_IN_PORTO, []),
    "explicit ADD": (
        '{"fact": 1, "event": "ADD", "memory": null, "text": null}',
        [add(1), add(0), add(2)],
        [],
    ),
    "reworded ADD": (
        '{"fact": 1, "event": "ADD", "text": "Likes green tea, hot"}',
        [add(1, "Likes green tea, hot"), add(0), add(2)],
        [],
    ),
    "lower case": (
        '{"fact": 0, "event": "update", "memory": 0, "text": "Lives in Porto"}',
        LIVES_IN_PORTO,
        [],
    ),
    "other words for events": (
        """
        {"fact": 0, "action": "No change"},
        {"fact": 1, "operation": "NOOP"},
        {"fact": 2, "event": "Remove", "memory": 1}
        """,
        [delete(2, 1), none(0), none(1)],
        [],
    ),
    "numbers as text": (
        '{"fact": "0", "event": "UPDATE", "memory": "0", "text": "Lives in Porto"}',
        LIVES_IN_PORTO,
        [],
    ),
    "numbers with a letter": (
        '{"fact": "F0", "event": "UPDATE", "memory": "M0", "text": "Lives in Porto"}',
        LIVES_IN_PORTO,
        [],
    ),
    "numbers with a fraction": (
        '{"fact": 0.0, "event": "UPDATE", "memory": 0.0, "text": "Lives in Porto"}',
        LIVES_IN_PORTO,
        [],
    ),
    "texts for numbers": (
        '{"fact": "moved to Porto", "event": "UPDATE", "memory": "Lives in Berlin", "text": "Now Porto"}',
        [update(0, 0, "Now Porto"), add(1), add(2)],
        [],
    ),
    "unknown event": (
        '{"fact": 0, "event": "PONDER", "text": "Porto"}, ' + TO_PORTO,
        LIVES_IN_PORTO,
        ["unreadable"],
    ),
    "entry that is a text": ('"ADD it", ' + TO_PORTO, LIVES_IN_PORTO, ["unreadable"]),
    "update of an unknown memory": (
        '{"fact": 0, "event": "UPDATE", "memory": 77, "text": "Lives in Porto"}',
        ALL_ADDED,
        [],
    ),
    "update of a negative memory": (
        '{"fact": 0, "event": "UPDATE", "memory": -1, "text": "Lives in Porto"}',
        ALL_ADDED,
        [],
    ),
    "update of an invented UUID": (
        '{"fact": 0, "event": "UPDATE", "memory": "7f1c2f64-3b1e-4f0e-9f1a-3d5e6a7b8c9d", "text": "Porto"}',
        ALL_ADDED,
        [],
    ),
    "update of nothing": (
        '{"fact": 0, "event": "UPDATE", "memory": null, "text": "Lives in Porto"}',
        ALL_ADDED,
        [],
    ),
    "delete of an unknown memory": (
        '{"fact": 2, "event": "DELETE", "memory": 77}',
        ALL_ADDED,
        ["unknown id"],
    ),
    "delete of nothing": ('{"event": "DELETE"}', ALL_ADDED, ["unknown id"]),
    "blank update": (
        '{"fact": 0, "event": "UPDATE", "memory": 0, "text": " "}',
        [update(0, 0, "Moved to Porto"), add(1), add(2)],
        [],
    ),
    "over-long update": (
        json.dumps({"fact": 0, "event": "UPDATE", "memory": 0, "text": "a" * 5001}),
        [update(0, 0, "Moved to Porto"), add(1), add(2)],
        ["too long"],
    ),
    "unrelated update": (
        '{"fact": 0, "event": "UPDATE", "memory": 0, "text": "Collects stamps"}',
        ALL_ADDED,
        ["unrelated"],
    ),
    "unrelated addition": (
        '{"fact": 0, "event": "ADD", "text": "Collects stamps"}',
        ALL_ADDED,
        ["unrelated"],
    ),
    "memory updated twice": (
        TO_PORTO + ', {"fact": 1, "event": "UPDATE", "memory": 0, "text": "Likes tea in Porto"}',
        LIVES_IN_PORTO,
        [],
    ),
    "memory deleted twice": (
        '{"fact": 2, "event": "DELETE", "memory": 1}, {"fact": 0, "event": "DELETE", "memory": 1}',
        [delete(2, 1), add(1)],
        ["decided twice"],
    ),
    "updated, then deleted": (
        TO_PORTO + ', {"fact": 2, "event": "DELETE", "memory": 0}',
        LIVES_IN_PORTO,
        ["decided twice"],
    ),
    "deleted, then updated": (
        '{"fact": 2, "event": "DELETE", "memory": 0}, ' + TO_PORTO,
        [delete(2, 0), add(0), add(1)],
        [],
    ),
    "fact added twice": (
        '{"fact": 0, "event": "ADD"}, {"fact": 0, "event": "ADD"}',
        ALL_ADDED,
        ["decided twice"],
    ),
    "fact added and merged": ('{"fact": 0, "event": "ADD"}, ' + TO_PORTO, LIVES_IN_PORTO, []),
    "fact merged twice": (
        TO_PORTO + ', {"fact": 0, "event": "UPDATE", "memory": 1, "text": "Has a dog Rex in Porto"}',
        [update(0, 0, "Lives in Porto"), update(0, 1, "Has a dog Rex in Porto"), add(1), add(2)],
        [],
    ),
    "left and merged": ('{"fact": 0, "event": "NONE"}, ' + TO_PORTO, LIVES_IN_PORTO, []),
    "replaced by deleting and adding": (
        '{"fact": 0, "event": "DELETE", "memory": 0}, {"fact": 0, "event": "ADD"}',
        [delete(0, 0), add(0), add(1), add(2)],
        [],
    ),
}

# The reply, the decisions read, and the reasons of what was not obeyed.
DECISION_REPLIES = {
    **{name: (f'{{"decisions": [{entries}]}}', *rest) for name, (entries, *rest) in DECISION_ENTRIES.items()},
    "cut in a decision": (
        '{"decisions": [' + TO_PORTO + ', {"fact": 2, "event": "DELETE", "memory": 1',
        LIVES_IN_PORTO,
        ["truncated"],
    ),
    "Mem0's form": (
        """
        {"memory": [
            {"id": "0", "text": "Moved to Porto", "event": "UPDATE", "old_memory": "Lives in Berlin"},
            {"id": "1", "text": "Has a dog Rex", "event": "DELETE"},
            {"id": "2", "text": "Likes green tea and cake", "event": "NONE"},
            {"id": "3", "text": "No longer has a dog", "event": "ADD"}
        ]}
        """,
        [update(0, 0, "Moved to Porto"), delete(None, 1), add(2), none(1, 2)],
        [],
    ),
    "Mem0's form, integers": (
        '{"memory": [{"id": 0, "text": "Moved to Porto", "event": "UPDATE"}]}',
        [update(0, 0, "Moved to Porto"), add(1), add(2)],
        [],
    ),
    "Mem0's form, nothing changed": (
        '{"memory": [{"id": "0", "text": "Lives in Berlin", "event": "NONE"}]}',
        ALL_ADDED,
        [],
    ),
    "Mem0's form, memory like the fact left": (
        '{"memory": [{"id": "1", "text": "Has a dog Rex", "event": "NONE"}]}',
        ALL_ADDED,
        [],
    ),
    "Mem0's form, invented text": (
        '{"memory": [{"id": "0", "text": "Collects stamps", "event": "UPDATE"}]}',
        ALL_ADDED,
        ["unrelated"],
    ),
    "without a name": ("[" + TO_PORTO + "]", LIVES_IN_PORTO, []),
    "one decision": (TO_PORTO, LIVES_IN_PORTO, []),
    "one level too deep": ('{"result": {"decisions": [' + TO_PORTO + "]}}", LIVES_IN_PORTO, []),
    "single quotes": (
        "{'decisions': [{'fact': 0, 'event': 'UPDATE', 'memory': 0, 'text': 'Lives in Porto'}]}",
        LIVES_IN_PORTO,
        [],
    ),
    "only texts": ('{"decisions": ["ADD", "NONE"]}', UNREADABLE, []),
    "cut in the first": ('{"decisions": [{"fact": 0, "event": "DELETE", "memory": 1', UNREADABLE, []),
    "prose": ("Nothing has to change.", UNREADABLE, []),
    "empty": ("", UNREADABLE, []),
    "empty object": ("{}", UNREADABLE, []),
}


@pytest.mark.parametrize(("reply", "decisions", "reasons"), DECISION_REPLIES.values(), ids=DECISION_REPLIES)
def test_every_sensible_decision_is_obeyed_and_no_fact_is_lost(reply, decisions, reasons):
    if decisions == UNREADABLE:
        with pytest.raises(UnreadableReply):
            parse_decisions(reply, facts=FACTS, known=KNOWN)
        return
    read, skipped = parse_decisions(reply, facts=FACTS, known=KNOWN)
    assert read == decisions
    assert [one.reason for one in skipped] == reasons


@pytest.mark.parametrize(
    ("fact", "memory", "text"),
    [
        ("搬到了波尔图", "住在柏林", "住在波尔图"),
        ("Переехала в Порту", "Живёт в Берлине", "Живёт в Порту"),
        ("Nach Porto umgezogen", "Wohnt in Berlin", "Wohnt jetzt in Porto"),
        ("يسكن في بورتو", "يسكن في برلين", "يسكن في بورتو الآن"),
    ],
)
def test_updates_work_in_every_language(fact, memory, text):
    reply = json.dumps({"decisions": [{"fact": 0, "event": "UPDATE", "memory": 0, "text": text}]})
    read, skipped = parse_decisions(reply, facts=[Fact(fact)], known=[KnownMemory("a", memory)])
    assert (read, skipped) == ([Decision("UPDATE", 0, 0, text)], [])


def test_a_contradiction_never_loses_both_memories():
    reply = '{"memory": [{"id": "0", "text": "Loves cheese pizza", "event": "DELETE"}]}'
    read, _ = parse_decisions(
        reply, facts=[Fact("Dislikes cheese pizza")], known=[KnownMemory("a", "Loves cheese pizza")]
    )
    assert read == [Decision("DELETE", None, 0), Decision("ADD", 0, text="Dislikes cheese pizza")]


def test_a_memory_touched_for_no_reason_never_swallows_the_fact():
    reply = '{"memory": [{"id": "0", "text": "Lives in Berlin, Germany", "event": "UPDATE"}]}'
    read, skipped = parse_decisions(reply, facts=FACTS[1:2], known=KNOWN)
    assert read == [Decision("ADD", 0, text="Likes green tea")]
    assert [one.reason for one in skipped] == ["unrelated"]


# The opening, what is repeated, and the closing.
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
def test_a_megabyte_is_no_reason_to_fail(opening, repeated, closing):
    read_quietly(opening + repeated * (1_000_000 // len(repeated)) + closing)


def test_nothing_of_a_huge_good_reply_is_lost():
    entries = ", ".join(f'{{"text": "Has cat {number}", "turn": 1}}' for number in range(25_000))
    for closing in ("]}", "]", ""):
        assert len(parse_facts('{"facts": [' + entries + closing, turns=2)[0]) == 25_000


def test_only_the_beginning_of_a_long_broken_reply_is_mended_and_the_rest_is_told():
    facts, skipped = parse_facts("{'facts': [" + "'Has a cat', " * 10_000 + "'Is vegan']}", turns=2)
    assert 1_000 < len(facts) < 2_000
    assert [one.reason for one in skipped] == ["truncated"]
    assert skipped[0].text.count("Has a cat") == 10_000 - len(facts)


def test_a_long_text_full_of_stray_quotes_is_refused_rather_than_mended_slowly():
    with pytest.raises(UnreadableReply):
        parse_facts('{"facts": ["' + 'a "b" c ' * 600 + '"]}', turns=2)


def test_lines_without_end_are_read_up_to_a_bound_and_the_rest_is_told():
    facts, skipped = parse_facts('{"text": "Has a cat"}\n' * 10_001, turns=2)
    assert len(facts) == 10_000
    assert skipped[0].text == '{"text": "Has a cat"}'


def read_quietly(reply):
    """Read `reply` both ways, `None` for unreadable; any other error fails the test."""
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
    lambda text: text == text.strip() and any(map(str.isalnum, text))
)


@given(st.lists(texts, min_size=1, max_size=5), st.booleans(), st.data())
def test_a_cut_reply_gives_every_whole_fact_and_no_other(written, escaped, data):
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
    # A fact that asks for what another has already deleted has nothing left to say.
    fulfilled = {SPELLED.get(one["fact"]) for one in written if one["event"] == "DELETE"}
    assert {one.fact for one in decisions} | fulfilled >= set(range(len(FACTS))), "no fact is lost"
    assert all(one.text for one in decisions if one.event in {"ADD", "UPDATE"})
    assert all(one.text != "Collects stamps" for one in decisions)
