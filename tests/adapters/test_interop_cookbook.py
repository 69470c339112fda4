"""The cookbook of one memory in five frameworks runs and prints what its page shows."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "cookbooks" / "one_memory_five_frameworks.py"
ANSWERS = {
    "LangChain": "Albatross",
    "LangGraph": "Ghent",
    "LlamaIndex": "cello",
    "CrewAI": "hazelnuts",
    "AutoGen": "Dutch",
}


@pytest.fixture(scope="module")
def printed():
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=300)
    return run.stdout


@pytest.mark.parametrize(("framework", "answer"), ANSWERS.items())
def test_each_framework_answers_from_facts_told_to_another(framework, answer, printed):
    (line,) = [line for line in printed.splitlines() if line.startswith(f"{framework} answers:")]
    assert answer in line
