"""Prepare `.bench-venv` with Holdfast and Mem0, and run the benchmarks there: the command of `make bench`."""

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
    """Run `python -m benchmarks` with the arguments of this script."""
    if not _is_up_to_date():
        _prepare()
    return subprocess.call([str(_PYTHON), "-m", "benchmarks", *sys.argv[1:]], cwd=_ROOT)


def _is_up_to_date() -> bool:
    return _READY.exists() and all(_READY.stat().st_mtime > source.stat().st_mtime for source in _SOURCES)


def _prepare() -> None:
    uv = [sys.executable, "-m", "uv"]
    subprocess.check_call([*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(_ENVIRONMENT)])
    requirements = ["--requirement", str(_SOURCES[0]), "--editable", str(_ROOT)]
    subprocess.check_call([*uv, "pip", "install", "--quiet", "--python", str(_PYTHON), *requirements])
    _READY.touch()


if __name__ == "__main__":
    sys.exit(main())
