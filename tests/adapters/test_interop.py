"""One store, five real frameworks: each recalls and corrects what another stored, in all pairs."""

from importlib import import_module

import pytest

# Warnings that the frameworks cause themselves; each framework's own tests are stricter.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FRAMEWORKS = ["langchain", "langgraph", "llamaindex", "crewai", "autogen"]
PAIRS = [(told, asked) for told in FRAMEWORKS for asked in FRAMEWORKS if told != asked]


def conversation(framework, memory):
    return import_module(f"tests.adapters.{framework}_conversation").conversation(memory, user_id="ana")


@pytest.mark.parametrize(("told", "asked"), PAIRS)
def test_a_fact_told_to_one_framework_is_recalled_by_another(told, asked, memory):
    conversation(told, memory).say("My sailing boat is called Albatross.")
    assert "Albatross" in conversation(asked, memory).say("What is my sailing boat called?")


@pytest.mark.parametrize(("told", "corrected"), [(one, FRAMEWORKS[place - 1]) for place, one in enumerate(FRAMEWORKS)])
def test_a_correction_in_one_framework_applies_to_all(told, corrected, memory):
    conversation(told, memory).say("I live in Lisbon.")
    conversation(corrected, memory).say("I live in Porto now.")
    for framework in FRAMEWORKS:
        shown = conversation(framework, memory).say("Where do I live?")
        assert "Porto" in shown
        assert "Lisbon" not in shown
