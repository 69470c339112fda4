"""What stands in the README and in docstrings has been executed."""

import doctest
import re
from pathlib import Path

import pytest

import holdfast

ROOT = Path(__file__).parents[2]
# Frameworks warn of their own old ways when their pages run.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")

PAGES = [ROOT / "README.md", *sorted((ROOT / "adapters").glob("*/README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_the_page_give_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_programs_of_the_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLDFAST_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "engines are made without being asked anything")
    for program in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        if ">>>" not in program:
            exec(compile(program, str(page), "exec"), {})  # noqa: S102 - our own page


def test_the_readme_has_an_example_that_runs():
    parsed = doctest.DocTestParser().get_examples((ROOT / "README.md").read_text())
    assert len(parsed) >= 8


def test_the_example_in_the_package_docstring_gives_what_it_says():
    outcome = doctest.testmod(holdfast)
    assert outcome.attempted >= 4
    assert outcome.failed == 0
