"""The cookbook of one memory in five frameworks runs and prints what its page shows."""

import pytest
from tests.cookbooks import run_script

ANSWERS = {
    "LangChain": "Albatross",
    "LangGraph": "Ghent",
    "LlamaIndex": "cello",
    "CrewAI": "hazelnuts",
    "AutoGen": "Dutch",
}


@pytest.fixture(scope="module")
def printed():
    return run_script("one_memory_five_frameworks.py")


@pytest.mark.parametrize(("framework", "answer"), ANSWERS.items())
def test_each_framework_answers_from_facts_told_to_another(framework, answer, printed):
    (line,) = [line for line in printed.splitlines() if line.startswith(f"{framework} answers:")]
    assert answer in line
