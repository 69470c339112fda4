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
    "thoughts never closed": ('<think>She has a cat. {"facts": ["Has a cat"]}', UNREADABLE, []),
    "thoughts after an answer": ('{"facts": ["Has a cat"]}<think>Is that all', ["Has a cat"], []),
    "thoughts, and no answer": ('Perhaps {"facts": ["Has a cat"]}</think>', UNREADABLE, []),
    "a tag in a fact": ('{"facts": ["Writes <think> and </think> tags"]}', ["Writes <think> and </think> tags"], []),
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
    "properties": ('{"facts": {"name": "Ana", "home_town": "Porto"}}', ["name: Ana", "home town: Porto"], []),
    "properties, numbers and lists": (
        '{"facts": {"age": 34, "languages": ["French", "Greek"], "vegan": null}}',
        ["age: 34", "languages: French, Greek"],
        [],
    ),
    "statements by subject": (
        '{"facts": {"home": "Lives in Porto", "diet": "Is vegan"}}',
        ["Lives in Porto", "Is vegan"],
        [],
    ),
    "entries by subject": (
        '{"facts": {"home": {"text": "Lives in Porto"}, "work": [{"text": "Paints"}, {"text": "Sings"}]}}',
        ["Lives in Porto", "Paints", "Sings"],
        [],
    ),
    "numbered keys": ('{"facts": {"fact1": "Has a cat", "fact_2": "Is vegan"}}', ["Has a cat", "Is vegan"], []),
    "numbered keys, no list": ('{"fact1": "Has a cat", "fact 2": "Is vegan"}', ["Has a cat", "Is vegan"], []),
    "a list in text": ('{"facts": "[\\"Has a cat\\", \\"Is vegan\\"]"}', ["Has a cat", "Is vegan"], []),
    "entries in text": ('{"facts": ["{\\"text\\": \\"Has a cat\\", \\"turn\\": 0}"]}', ["Has a cat"], []),
    "an answer in text": ('{"arguments": "{\\"facts\\": [\\"Has a cat\\"]}"}', ["Has a cat"], []),
    "the key twice": ('{"facts": ["Has a cat"], "facts": ["Is vegan"]}', ["Has a cat", "Is vegan"], []),
    "the keys of an entry twice": (
        '{"facts": [{"text": "Has a cat", "turn": 0, "text": "Is vegan", "turn": 1}]}',
        ["Has a cat", "Is vegan"],
        [],
    ),
    "two fences": (
        '```json\n{"facts": ["Has a cat"]}\n```\n```json\n{"facts": ["Is vegan"]}\n```',
        ["Has a cat", "Is vegan"],
        [],
    ),
    "the schema": ('{"type": "object", "properties": {"facts": {"type": "array", "items": {}}}}', UNREADABLE, []),
    "the schema under its name": ('{"facts": {"type": "array", "items": {"type": "string"}}}', UNREADABLE, []),
    "the schema, then the answer": (
        '{"type": "object", "properties": {"facts": {"type": "array"}}}\n{"facts": ["Has a cat"]}',
        ["Has a cat"],
        [],
    ),
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


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    "reply", ['{"facts": ["Has a cat"]}', '["Has a cat"]', '```json\n{"facts": ["Has a cat"]}\n```']
)
def test_json_that_is_encoded_again_is_read(reply, times):
    for _ in range(times):
        reply = json.dumps(reply)
    assert [fact.text for fact in parse_facts(reply, turns=1)[0]] == ["Has a cat"]


BRACKETS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<THOUGHT>": "</THOUGHT>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<seed:think>": "</seed:think>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
DRAFT, ANSWER = '{"facts": ["Has a dog"]}', '{"facts": ["Has a cat"]}'


@pytest.mark.parametrize(("opened", "closed"), BRACKETS.items(), ids=BRACKETS)
@pytest.mark.parametrize("before", ["", "\n", "Sure! "])
def test_what_stands_in_reasoning_is_no_answer(opened, closed, before):
    read = parse_facts(f"{before}{opened}Perhaps {DRAFT}?{closed}{ANSWER}", turns=1)[0]
    assert [fact.text for fact in read] == ["Has a cat"]
    for cut in (
        f"{before}{opened}Perhaps {DRAFT}",
        f"{before}{opened}{DRAFT}",
        f"{before}{opened}Hm {closed}{opened}{DRAFT}",
    ):
        with pytest.raises(UnreadableReply, match="within its reasoning") as raised:
            parse_facts(cut, turns=1)
        assert raised.value.reply == cut


PLACEHOLDERS = """<fact>|{fact}|{{fact}}|[fact]|[insert fact here]|${fact}|<the user's name>|string|String|"text"|'fact'
|fact 1|Fact_2|N/A|n/a.|None|null|nothing|undefined|No facts found.
|There are no new facts to store|No relevant information|TODO"""


@pytest.mark.parametrize("text", PLACEHOLDERS.replace("\n", "").split("|"))
@pytest.mark.parametrize("form", ["text", "entry", "dictionary"])
def test_a_placeholder_is_refused_and_named(text, form):
    written = {"text": [text], "entry": [{"text": text, "turn": 0}], "dictionary": {"fact1": text}}[form]
    facts, skipped = parse_facts(json.dumps({"facts": written}), turns=1)
    assert (facts, [(one.reason, one.text) for one in skipped]) == ([], [("placeholder", text)])


@pytest.mark.parametrize(
    "text",
    [
        "Has no information about her father",
        "Likes <b> tags",
        "Plays in a string quartet",
        "Is a text editor",
        "无",
        "Nothing scares her",
        "Uses {braces} in C",
        "The band is called None",
        "Facts matter to her",
        "Has two [unread] mails",
        "No longer smokes",
    ],
)
def test_a_fact_that_resembles_a_placeholder_is_kept(text):
    assert [fact.text for fact in parse_facts(json.dumps({"facts": [text]}), turns=1)[0]] == [text]
