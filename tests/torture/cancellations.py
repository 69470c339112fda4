"""`AsyncMemory` with a call cancelled at each of its awaits: the call is there whole or not at all."""

from __future__ import annotations

import asyncio
import copy
import functools
import random
import re
from collections.abc import Callable, Coroutine, Generator, Sequence
from pathlib import Path
from typing import Any

from tests.scripted import decisions, facts
from tests.torture.calls import PLANS, WRITING, Plan, add, new_ids, open_memory, perform
from tests.torture.checks import check_store, memories_of
from tests.torture.ledger import Call, Held, Ledger
from tests.torture.tally import Progress, Tally
from tests.torture.writer import describe

from holdfast import AsyncMemory, Memory
from holdfast.errors import EmbedderMismatch
from holdfast.operations import verbs
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder

Moment = Callable[[asyncio.Task[Any], asyncio.Future[Any]], object]


def at_once(task: asyncio.Task[Any], _: asyncio.Future[Any]) -> None:
    task.cancel()


def when_it_has_begun(task: asyncio.Task[Any], _: asyncio.Future[Any]) -> None:
    asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(task.cancel))


def when_it_is_done(task: asyncio.Task[Any], future: asyncio.Future[Any]) -> None:
    future.add_done_callback(lambda _: task.cancel())


MOMENTS: tuple[Moment, ...] = (at_once, when_it_has_begun, when_it_is_done)


class CancelAt:
    """Awaits a coroutine and cancels the task that does so at the await with this number."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], number: int, moment: Moment):
        self._coroutine, self._number, self._moment = coroutine, number, moment
        self.is_reached = False

    async def run(self) -> Any:
        """Await the coroutine, as a coroutine that a task can be made of."""
        return await self

    def __await__(self) -> Generator[Any, Any, Any]:
        steps, awaits = self._coroutine.__await__(), 0
        resume: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                future = resume()
            except StopIteration as stop:
                return stop.value
            awaits += 1
            if awaits == self._number:
                self.is_reached = True
                task = asyncio.current_task()
                (at_once if future is None else self._moment)(task, future)
            try:
                value = yield future
            except BaseException as error:  # noqa: BLE001 - passed on
                resume = functools.partial(steps.throw, error)
            else:
                resume = functools.partial(steps.send, value)


def _add_by_model(ledger: Ledger, _: random.Random) -> Call:
    user, text = ledger.user("ann"), f"note {ledger.word()} about tea"
    return Call("add", {"messages": text, "user_id": user}, new=((None, user, text),))


def _read(verb: str) -> Callable[[Ledger, random.Random], Call]:
    def plan_read(ledger: Ledger, _: random.Random) -> Call:
        arguments = {"get": {"memory_id": next(iter(ledger.memories), "x")}, "users": {}}
        arguments["history"] = arguments["get"]
        in_scope = {"user_id": ledger.user("ann")}
        query = {"query": "tea"} if verb in ("search", "context", "ask") else {}
        return Call(verb, arguments.get(verb, query | in_scope))

    return plan_read


Case = tuple[str, Plan]

_MODEL_PLANS = {**PLANS, "add": (add, _add_by_model)}
_READING = [verb.name for verb in verbs.VERBS if not verb.writes]
CASES: list[Case] = [(name, one) for name in WRITING for one in _MODEL_PLANS[name]] + [
    (name, _read(name)) for name in _READING
]


def cancel_calls(folder: Path, *, rounds: int, seed: int, cases: Sequence[Case] = CASES) -> Tally:
    """Cancel calls of every verb at each of their awaits in turn, at three moments, `rounds` times."""
    tally = Tally("calls of AsyncMemory cancelled, at every await")
    progress = Progress(tally, rounds * len(cases) * len(MOMENTS) * 4)
    for number in range(rounds):
        for place, (verb, one) in enumerate(cases):
            for moment in MOMENTS:
                path = folder / f"{number}-{place}-{moment.__name__}" / "memory.db"
                path.parent.mkdir()
                where = f"seed {seed}, round {number}, {verb}, {moment.__name__.strip('_').replace('_', ' ')}"
                asyncio.run(_cancel_at_each_await(path, one, moment, random.Random(seed * 1009 + number), tally, where))
                progress.show()
    return tally


async def _cancel_at_each_await(
    path: Path, one: Any, moment: Moment, chance: random.Random, tally: Tally, where: str
) -> None:
    after, ledgers = Ledger("after"), []
    memory = AsyncMemory(path, llm=ScriptedChatModel(_reply), embedder=ScriptedEmbedder())
    for number in range(1, 100):
        ledger = Ledger(f"c{number}")
        await _prepare(memory, ledger, chance)
        call = None
        while call is None:
            call = one(ledger, chance)
        at = f"{where}, await {number}"
        if call.verb == "reset":
            ledgers, after = [], Ledger("after")
        is_cancelled = await _cancel(memory, ledger, call, number, moment, tally, at)
        ledgers.append(ledger)
        if not is_cancelled:
            break
        tally.tried += 1
        try:
            await asyncio.wait_for(_go_on(memory, after, ledgers[-1], tally, at), 60)
        except Exception as error:  # noqa: BLE001 - whatever it is, the memory does not go on working
            tally.report([], [f"does not go on: {describe(error)}"], at)
            break
    await asyncio.wait_for(memory.close(), 60)
    with _reopen(path) as reopened:
        check_store(reopened, [*ledgers, after], tally, where)


async def _prepare(memory: AsyncMemory, ledger: Ledger, chance: random.Random) -> None:
    for verb in ("add", "put", "add", "update", "delete", "add"):
        call = PLANS[verb][0](ledger, chance)
        ledger.start(call)
        ledger.acknowledge(new_ids(call, await perform(memory, call)))


async def _cancel(
    memory: AsyncMemory, ledger: Ledger, call: Call, number: int, moment: Moment, tally: Tally, where: str
) -> bool:
    """Make the call, and cancel it at await `number`; return whether it has so many."""
    ledger.start(call)
    awaiting = CancelAt(perform(memory, call), number, moment)
    try:
        result = await asyncio.wait_for(asyncio.create_task(awaiting.run()), 60)
    except asyncio.CancelledError:
        return True
    except Exception as error:  # noqa: BLE001 - whatever it is
        tally.report([], [describe(error)], where)
        return awaiting.is_reached
    ledger.acknowledge(new_ids(call, result))
    return awaiting.is_reached  # and has answered all the same


async def _go_on(memory: AsyncMemory, after: Ledger, ledger: Ledger, tally: Tally, where: str) -> None:
    """Check that the memory works: it takes a new memory and finds it, and shows the cancelled call whole or not."""
    call = PLANS["put"][0](after, random.Random(0))
    after.start(call)
    try:
        await perform(memory, call)
    except EmbedderMismatch:  # it has overtaken the last step of the re-embedding, which goes on in its thread
        await perform(memory, call)
    after.acknowledge({})
    user, text = call.new[0][1:]
    if text not in [item["memory"] for item in (await memory.search(text, user_id=user, limit=100))["results"]]:
        tally.report([], ["a new memory is not found"], where)
    listing = await memory.get_all(filters={"user_id": "*"}, limit=1_000_000)
    stored = {item["id"]: Held(item["user_id"], item["memory"]) for item in listing["results"]}
    tally.report(*copy.deepcopy(ledger).settle(memories_of(stored, ledger)), where)


def _reply(messages: Any, schema: Any) -> dict:
    if "decisions" in schema["properties"]:
        return decisions({"fact": 0, "event": "ADD"})
    return facts(re.findall(r"note \w+ about tea", messages[-1]["content"])[-1])


def _reopen(path: Path) -> Memory:
    try:
        return Memory(path, llm="rules", embedder=ScriptedEmbedder())
    except EmbedderMismatch:
        return open_memory(path)
