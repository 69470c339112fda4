"""The customer-support cookbook runs, as a script and as a notebook."""

import pytest
from tests.cookbooks import NOTEBOOK_WARNINGS, run_notebook, run_script

pytest.importorskip("langchain.agents.middleware", reason="the cookbook needs langchain 1.x", exc_type=ImportError)

pytestmark = NOTEBOOK_WARNINGS


def test_the_script_runs():
    printed = run_script("customer_support.py")
    ana, _, ben = printed.partition("\nben: ")
    assert "I moved to Porto." in ana
    assert "nothing about this customer" in ben
    assert "I live in Lisbon" not in printed.partition("Known about ana:")[2]


def test_the_notebook_runs(tmp_path, monkeypatch):
    assert "I moved to Porto" in "".join(run_notebook("customer_support.ipynb", tmp_path, monkeypatch))
