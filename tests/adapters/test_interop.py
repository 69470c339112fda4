"""One store, five real frameworks: each recalls and corrects what another stored, in all pairs."""

from importlib import import_module

import pytest

# Warnings that the frameworks cause themselves; each framework's own tests are stricter.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FRAMEWORKS = ["langchain", "langgraph", "llamaindex", "crewai", "autogen"]
PAIRS = [(first, second) for first in FRAMEWORKS for second in FRAMEWORKS if first != second]


def conversation(framework, memory):
    return import_module(f"tests.adapters.{framework}_conversation").conversation(memory, user_id="ana")


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_fact_told_to_one_framework_is_recalled_by_another(first, second, memory):
    conversation(first, memory).say("My sailing boat is called Albatross.")
    assert "Albatross" in conversation(second, memory).say("What is my sailing boat called?")


@pytest.mark.parametrize(("first", "second"), [(one, FRAMEWORKS[place - 1]) for place, one in enumerate(FRAMEWORKS)])
def test_a_correction_in_one_framework_applies_to_all(first, second, memory):
    conversation(first, memory).say("I live in Lisbon.")
    conversation(second, memory).say("I live in Porto now.")
    for framework in FRAMEWORKS:
        shown = conversation(framework, memory).say("Where do I live?")
        assert "Porto" in shown
        assert "Lisbon" not in shown
