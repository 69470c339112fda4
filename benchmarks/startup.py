"""What it costs to have a memory at all: import and construction in a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurement import WARM_UP, Extent
from benchmarks.mem0_subject import make_configuration
from benchmarks.table import Row

_CLOCK = "import time; started = time.perf_counter()\n{work}\nprint(time.perf_counter() - started)"
_OURS = "import holdfast\nholdfast.Memory({path!r})"
_PEER = "import mem0\nmem0.Memory.from_config({configuration!r})"


def rows(extent: Extent, folder: Path) -> Iterator[Row]:
    """Measure import and construction of both sides alternately."""
    ours = _OURS.format(path=str(folder / "memory.db"))
    programs: dict[str, tuple[str, dict[str, str]]] = {
        "ours": (ours, {}),
        "ours with a key": (ours.replace(".db", "-key.db"), {"OPENAI_API_KEY": "none"}),
        "peer": (_PEER.format(configuration=make_configuration(folder / "mem0", "faiss")), {}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(max(5, extent.rounds // 3) + WARM_UP):
        for name, (work, variables) in programs.items():
            seconds[name].append(_measure_seconds(work, _make_environment(folder) | variables))
    median = {name: statistics.median(times[WARM_UP:]) for name, times in seconds.items()}
    yield Row("import and construct", median["ours"], median["peer"], unit="s", at_most=0.20)
    yield Row("import and construct, OpenAI engines", median["ours with a key"], median["peer"], unit="s")


def _make_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process without a key, whose modules were compiled during the warm-up."""
    left_out = {"OPENAI_API_KEY", "PYTHONDONTWRITEBYTECODE"}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return inherited | {"PYTHONPYCACHEPREFIX": str((folder / "compiled").resolve())}


def _measure_seconds(work: str, environment: dict[str, str]) -> float:
    """Return the duration that the program itself measured, without the start of the interpreter."""
    program = [sys.executable, "-c", _CLOCK.format(work=work)]
    finished = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"the measured program failed:\n{finished.stderr}")
    return float(finished.stdout.splitlines()[-1])
