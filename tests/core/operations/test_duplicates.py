"""A duplicate that is skipped names the memory that it repeats."""

import pytest

from holdfast import Memory
from holdfast.testing import ScriptedChatModel


def skipped_ids(result):
    return [one.get("id") for one in result["skipped"] if one["reason"] == "duplicate"]


@pytest.mark.parametrize("said", ["I like tea. I like tea!", "I like tea. I LIKE TEA.", "I like tea. And I like tea."])
def test_a_repetition_in_one_add_names_the_memory(said):
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        result = memory.add(said, user_id="ana")
        assert skipped_ids(result) == [result["results"][0]["id"]]


@pytest.mark.parametrize("said", ["I like tea.", "I like tea!", "i like tea", "I LIKE  TEA."])
def test_a_repetition_in_another_add_names_the_memory(said):
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        known = memory.add("I like tea.", user_id="ana")["results"][0]["id"]
        assert skipped_ids(memory.add(said, user_id="ana")) == [known]
        assert skipped_ids(memory.add(f"{said.rstrip('.')}. {said}", user_id="ana")) == [known, known]


def test_a_repetition_of_what_an_add_changes_names_the_memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        known = memory.add("I live in Rome.", user_id="ana")["results"][0]["id"]
        assert skipped_ids(memory.add("I moved to Oslo. I moved to Oslo!", user_id="ana")) == [known]


def test_a_fact_that_a_model_gives_twice_names_the_memory():
    facts = {"facts": [{"text": text, "turn": 0} for text in ("Likes tea", "likes  tea", "Likes tea")]}
    with Memory(":memory:", llm=ScriptedChatModel([facts, facts]), embedder="hashing") as memory:
        result = memory.add("I like tea.", user_id="ana")
        known = result["results"][0]["id"]
        assert skipped_ids(result) == [known, known]
        assert skipped_ids(memory.add("I like tea.", user_id="ana")) == [known, known, known]
