"""Run the environments of `matrix.toml`: every adapter with its oldest and with other versions of its framework.

python tests/matrix.py [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
UV = str(ROOT / ".venv" / "bin" / "uv")


def main(wanted: list[str]) -> int:
    """Return the number of environments that failed."""
    environments = tomllib.loads((ROOT / "tests" / "matrix.toml").read_text())["environment"]
    chosen = [one for one in environments if not wanted or one["name"] in wanted]
    failed = [one["name"] for one in chosen if not passes(one)]
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed", *failed)
    return len(failed)


def passes(environment: dict) -> bool:
    """Make the environment and run its tests in it."""
    home = ROOT / "build" / "matrix" / environment["name"]
    python = str(home / "bin" / "python")
    packages = [*environment["packages"], "pytest", "pytest-asyncio", "pytest-xdist", "hypothesis"]
    version = environment.get("python", f"{sys.version_info.major}.{sys.version_info.minor}")
    commands = [
        [UV, "venv", "--quiet", "--clear", "--python", version, str(home)],
        [UV, "pip", "install", "--quiet", "--python", python, "--editable", f"{ROOT}[openai]", *packages],
        [python, "-m", "pytest", "-q", "-n", "2", *environment["tests"]],
    ]
    print(f"== {environment['name']}", flush=True)
    return all(subprocess.run(command, cwd=ROOT, check=False).returncode == 0 for command in commands)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
