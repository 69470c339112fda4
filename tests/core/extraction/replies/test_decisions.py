"""Decisions are read from a model's reply, and no fact is lost."""

from __future__ import annotations

import json

import pytest
from tests.core.extraction.replies.examples import FACTS, KNOWN, TO_PORTO, UNREADABLE
from tests.known_memories import known_memory

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact
from holdfast.extraction.replies import parse_decisions


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


# The entries of the list, the decisions read, and the reasons for what was skipped.
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


# The reply, the decisions read, and the reasons for what was skipped.
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
def test_sensible_decisions_are_read_and_no_fact_is_lost(reply, decisions, reasons):
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
    read, skipped = parse_decisions(reply, facts=[Fact(fact)], known=[known_memory("a", memory)])
    assert (read, skipped) == ([Decision("UPDATE", 0, 0, text)], [])


def test_a_contradiction_never_loses_both_statements():
    reply = '{"memory": [{"id": "0", "text": "Loves cheese pizza", "event": "DELETE"}]}'
    read, _ = parse_decisions(
        reply, facts=[Fact("Dislikes cheese pizza")], known=[known_memory("a", "Loves cheese pizza")]
    )
    assert read == [Decision("DELETE", None, 0), Decision("ADD", 0, text="Dislikes cheese pizza")]


def test_an_unrelated_update_never_loses_the_fact():
    reply = '{"memory": [{"id": "0", "text": "Lives in Berlin, Germany", "event": "UPDATE"}]}'
    read, skipped = parse_decisions(reply, facts=FACTS[1:2], known=KNOWN)
    assert read == [Decision("ADD", 0, text="Likes green tea")]
    assert [one.reason for one in skipped] == ["unrelated"]
