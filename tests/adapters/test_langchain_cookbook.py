"""The customer-support cookbook runs, as a script and as a notebook."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("langchain.agents.middleware", reason="the cookbook needs langchain 1.x", exc_type=ImportError)

COOKBOOKS = Path(__file__).parents[2] / "cookbooks"

# The kernel's own: its loop on some platforms, and how it finds its folders.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_core.*"),
]


def test_the_script_runs(tmp_path):
    script = COOKBOOKS / "customer_support.py"
    played = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path)
    ana, _, ben = played.stdout.partition("\nben: ")
    assert "I moved to Porto." in ana
    assert "nothing about this customer" in ben
    assert "I live in Lisbon" not in played.stdout.partition("Known about ana:")[2]


def test_the_notebook_runs(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(COOKBOOKS / "customer_support.ipynb", as_version=4)
    client(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    printed = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "I moved to Porto" in printed
