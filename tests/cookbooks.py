"""Run a cookbook as users do: its script in a process, its notebook in a kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COOKBOOKS = Path(__file__).parents[1] / "cookbooks"

# Jupyter's own: its event loop on some platforms, and how it finds its folders.
NOTEBOOK_WARNINGS = [
    pytest.mark.filterwarnings(f"ignore::DeprecationWarning:{module}")
    for module in ("zmq.*", "jupyter_client.*", "jupyter_core.*")
]


def run_script(name: str) -> str:
    """Run a cookbook's script; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("OPENAI_API_KEY", None)
    done = subprocess.run(
        [sys.executable, COOKBOOKS / name], capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_notebook(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a cookbook's notebook in `folder`; return the output of each cell that has one."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    notebook = nbformat.read(COOKBOOKS / name, as_version=4)
    resources = {"metadata": {"path": folder}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = (
        "".join(output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ()))
        for cell in notebook.cells
    )
    return [output for output in outputs if output]
