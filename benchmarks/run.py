"""Prepare `.bench-venv`, where Holdfast and its peer live side by side, and measure there: what `make bench` runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_ENVIRONMENT = _ROOT / ".bench-venv"
_PYTHON = _ENVIRONMENT / "bin" / "python"
_READY = _ENVIRONMENT / ".ready"
_SOURCES = (_ROOT / "benchmarks" / "requirements.txt", _ROOT / "pyproject.toml")


def main() -> int:
    """Pass the arguments on to `python -m benchmarks`."""
    if not _up_to_date():
        _prepare()
    return subprocess.call([str(_PYTHON), "-m", "benchmarks", *sys.argv[1:]], cwd=_ROOT)


def _up_to_date() -> bool:
    return _READY.exists() and all(_READY.stat().st_mtime > source.stat().st_mtime for source in _SOURCES)


def _prepare() -> None:
    uv = [sys.executable, "-m", "uv"]
    subprocess.check_call([*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(_ENVIRONMENT)])
    wanted = ["--requirement", str(_SOURCES[0]), "--editable", str(_ROOT)]
    subprocess.check_call([*uv, "pip", "install", "--quiet", "--python", str(_PYTHON), *wanted])
    _READY.touch()


if __name__ == "__main__":
    sys.exit(main())
