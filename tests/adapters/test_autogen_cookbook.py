"""The AutoGen cookbook runs, as a script and as a notebook."""

import subprocess
import sys
from pathlib import Path

import pytest

COOKBOOKS = Path(__file__).parents[2] / "cookbooks"


def test_facts_from_a_group_chat_reach_another_framework_but_no_other_user():
    program = [sys.executable, COOKBOOKS / "autogen_agents.py"]
    run = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120)
    talks = {talk.partition("\n")[0]: talk for talk in run.stdout.split("\n\n")}
    assert "in place of peanuts" in talks["Friday, ana"]
    assert "It suits" in talks["Friday, ana"]
    assert "Better not" in talks["Sunday, ana"]
    assert "Of course" in talks["Sunday, ben"]
    assert "I'm allergic to peanuts" in talks["Known about ana"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq", "ignore::DeprecationWarning:jupyter_client")
def test_the_notebook_runs_and_prints_the_same_answers(monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(COOKBOOKS / "autogen_agents.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outcomes = [
        "".join(output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ()))
        for cell in notebook.cells
    ]
    first, second, shown, kept, waiter, ben, known = [outcome for outcome in outcomes if outcome]
    assert "Better not" in first
    assert "Better not" in second
    assert "I'm allergic to peanuts" in shown
    assert "I'm allergic to peanuts" not in kept
    assert "Better not" in waiter
    assert "satay" in ben
    assert known == '["I\'m allergic to peanuts."]'
