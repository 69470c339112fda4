"""A server's hour: very many awaited adds at once, with an embedder and a model that take their time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import holdfast
from benchmarks.corpus import TopicEmbedder, corpus
from benchmarks.cost import PeerModel, ScriptedModel
from benchmarks.peer import async_mem0_memory
from benchmarks.setting import Extent, made
from benchmarks.table import Row

_CALLS = 1_000
_PEER_CALLS = 100  # a thousand take the peer a minute
_LATENCY = 0.1
_RUNS = 3


def rows(_: Extent, folder: Path) -> Iterator[Row]:
    """Measure awaited adds against the time the engines alone would take."""
    for infer, ideal, bound in ((True, 2 * _LATENCY, 2.0), (False, _LATENCY, None)):
        runs = [made(folder / f"ours-{infer}-{number}") for number in range(_RUNS)]
        ours = statistics.median(asyncio.run(_ours(run, infer=infer)) for run in runs)
        peer = asyncio.run(_peer(made(folder / f"peer-{infer}"), infer=infer))
        measure = f"{_CALLS:,} awaited add(infer={infer}), times the ideal {ideal:g} s (peer: {_PEER_CALLS})"
        yield Row(measure, ours / ideal, peer / ideal, at_most=bound, of_ours=True)


async def _ours(folder: Path, *, infer: bool) -> float:
    memory = holdfast.AsyncMemory(
        folder / "memory.db", llm=ScriptedModel(latency=_LATENCY), embedder=TopicEmbedder(latency=_LATENCY)
    )
    await memory.add("the first calls open the file and the index", user_id="nobody", infer=False)
    await memory.search("index", user_id="nobody")
    seconds = await _all_at_once(memory, corpus(_CALLS, owners=1).texts, infer=infer)
    await memory.close()
    return seconds


async def _peer(folder: Path, *, infer: bool) -> float:
    memory = async_mem0_memory(folder, "faiss", latency=_LATENCY)
    memory.llm = PeerModel(latency=_LATENCY)
    seconds = await _all_at_once(memory, corpus(_PEER_CALLS, owners=1).texts, infer=infer)
    memory.close()
    return seconds


async def _all_at_once(memory: Any, said: Sequence[str], *, infer: bool) -> float:
    """Return the seconds until every text, each of another user, is stored."""
    adds = [memory.add(text, user_id=f"user-{place}", infer=infer) for place, text in enumerate(said)]
    started = time.perf_counter()
    results: list[dict[str, Any]] = await asyncio.gather(*adds)
    seconds = time.perf_counter() - started
    stored = sum(len(result["results"]) for result in results)
    if stored != len(said):
        raise RuntimeError(f"{len(said)} adds stored {stored} memories: their time means nothing")
    return seconds
