"""The AutoGen cookbook runs, as a script and as a notebook."""

from tests.cookbooks import NOTEBOOK_WARNINGS, run_notebook, run_script

pytestmark = NOTEBOOK_WARNINGS


def test_facts_from_a_group_chat_reach_another_framework_but_no_other_user():
    talks = {talk.partition("\n")[0]: talk for talk in run_script("autogen_agents.py").split("\n\n")}
    assert "in place of peanuts" in talks["Friday, ana"]
    assert "It suits" in talks["Friday, ana"]
    assert "Better not" in talks["Sunday, ana"]
    assert "Of course" in talks["Sunday, ben"]
    assert "I'm allergic to peanuts" in talks["Known about ana"]


def test_the_notebook_runs_and_prints_the_same_answers(tmp_path, monkeypatch):
    outputs = run_notebook("autogen_agents.ipynb", tmp_path, monkeypatch)
    first, second, shown, kept, waiter, ben, known = outputs
    assert "Better not" in first
    assert "Better not" in second
    assert "I'm allergic to peanuts" in shown
    assert "I'm allergic to peanuts" not in kept
    assert "Better not" in waiter
    assert "satay" in ben
    assert known == '["I\'m allergic to peanuts."]'
