"""The examples in READMEs and docstrings run and print what they say."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The frameworks themselves use deprecated features when the examples run.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")

PAGES = [ROOT / "README.md", *sorted((ROOT / "adapters").glob("*/README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_the_page_print_what_they_show(page, tmp_path, monkeypatch):
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


LEAST_EXAMPLES = 300
"""Examples in docstrings today, rounded down; raise it as examples are added."""


def modules_below(source):
    """Return the dotted names of the modules in the packages below `source`; commands (`__main__`) are left out."""
    files = (path.relative_to(source) for path in sorted(source.rglob("*.py")))
    names = (".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files)
    return [name for name in names if not name.endswith("__main__")]


MODULES = [*modules_below(ROOT / "core"), *modules_below(ROOT / "adapters")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_print_what_they_show(name, tmp_path, monkeypatch):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"an optional package is missing: {error}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    outcome = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


def test_docstrings_have_examples():
    paths = [path for folder in ("core", "adapters") for path in (ROOT / folder).rglob("*.py")]
    examples = sum(len(re.findall(r"^\s*>>> ", path.read_text(), re.MULTILINE)) for path in paths)
    assert examples >= LEAST_EXAMPLES
