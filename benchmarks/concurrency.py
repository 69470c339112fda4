"""Measure many concurrent awaited adds, with an embedder and a model that take 100 ms per call."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import holdfast
from benchmarks.corpus import TopicEmbedder, make_corpus, precompute_vectors
from benchmarks.cost import PeerModel, ScriptedModel
from benchmarks.measurement import Extent, make_folder, refuse_connections
from benchmarks.mem0_subject import make_async_mem0_memory
from benchmarks.table import Row

_LATENCY = 0.1
_RUNS = 3
_FIRST = "the first call loads lazily loaded modules"
_CALLS = {"ours": 1_000, "peer": 100}  # a thousand adds take Mem0 a minute


def rows(_: Extent, folder: Path) -> Iterator[Row]:
    """Measure awaited adds as a multiple of the time that the model and the embedder alone take."""
    crashed = 0
    for infer, ideal, bound in ((True, 2 * _LATENCY, 2.0), (False, _LATENCY, None)):
        seconds: dict[str, list[float]] = {name: [] for name in _CALLS}
        for number in range(_RUNS):
            for name, times in seconds.items():
                times.extend(_run(name, make_folder(folder / f"{name}-{infer}-{number}"), infer=infer))
        ours = statistics.median(seconds["ours"]) / ideal
        peer = statistics.median(seconds["peer"]) / ideal if seconds["peer"] else None
        crashed += _RUNS - len(seconds["peer"])
        how = f"{_CALLS['ours']:,} awaited add(infer={infer}) / ideal {ideal:g} s (peer: {_CALLS['peer']})"
        yield Row(how, ours, peer, at_most=bound, of_ours=True)
    yield Row(f"runs of these that crashed, of {2 * _RUNS}", 0, crashed)


def _run(name: str, folder: Path, *, infer: bool) -> list[float]:
    """Return the seconds of one run, `[]` if it crashed.

    Each run has its own process, because Mem0's threads add to one FAISS index without a lock, which sometimes corrupts
    the heap and crashes the process.
    """
    program = [
        sys.executable,
        "-m",
        "benchmarks.concurrency",
        name,
        str(folder),
        *(["infer"] if infer else []),
    ]
    finished = subprocess.run(program, capture_output=True, text=True, check=False)
    if finished.returncode and name == "ours":
        raise RuntimeError(f"the measured program failed:\n{finished.stderr}")
    return [] if finished.returncode else [float(finished.stdout.splitlines()[-1])]


async def _ours(folder: Path, *, infer: bool) -> float:
    memory = holdfast.AsyncMemory(
        folder / "memory.db", llm=ScriptedModel(latency=_LATENCY), embedder=TopicEmbedder(latency=_LATENCY)
    )
    await memory.search(_FIRST, user_id="nobody")
    seconds = await _add_concurrently(memory, make_corpus(_CALLS["ours"], owners=1).texts, infer=infer)
    await memory.close()
    return seconds


async def _peer(folder: Path, *, infer: bool) -> float:
    memory = make_async_mem0_memory(folder, "faiss", latency=_LATENCY)
    memory.llm = PeerModel(latency=_LATENCY)
    seconds = await _add_concurrently(memory, make_corpus(_CALLS["peer"], owners=1).texts, infer=infer)
    memory.close()
    return seconds


async def _add_concurrently(memory: Any, texts: Sequence[str], *, infer: bool) -> float:
    """Return the seconds until every text, each of a different user, is stored."""
    await memory.add(_FIRST, user_id="nobody", infer=infer)
    precompute_vectors(texts)
    adds = [memory.add(text, user_id=f"user-{place}", infer=infer) for place, text in enumerate(texts)]
    started = time.perf_counter()
    results: list[dict[str, Any]] = await asyncio.gather(*adds)
    seconds = time.perf_counter() - started
    stored = sum(len(result["results"]) for result in results)
    if stored != len(texts):
        raise RuntimeError(f"{len(texts)} adds stored {stored} memories: the measured time is meaningless")
    return seconds


if __name__ == "__main__":
    refuse_connections()
    measures: dict[str, Callable[..., Coroutine[Any, Any, float]]] = {"ours": _ours, "peer": _peer}
    print(asyncio.run(measures[sys.argv[1]](Path(sys.argv[2]), infer=sys.argv[3:] == ["infer"])))
