"""One target per verb: call it with anything, and check that only Holdfast's errors leave it.

`make fuzz` runs them for a million inputs; `test_fuzz.py` for a sample.
"""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, seed, settings, strategies as st
from tests.fuzz.hostile import to_hostile, values
from typer.testing import CliRunner

from holdfast import MEMORY_TOOLS, AsyncMemory, HoldfastError, Memory, ScopedMemory, content_text
from holdfast.config import Config
from holdfast.errors import short_repr
from holdfast.filters import parse_filter
from holdfast.operations.verbs import VERBS
from holdfast.timestamps import to_calendar_day, to_microseconds
from holdfast_cli import app

HASHING = {"provider": "hashing", "config": {"dimensions": 16}}
KNOWN = "11111111-1111-1111-1111-111111111111"

# What an argument looks like when it is right: without any, every call would fail at the first check.
text = st.sampled_from(["I live in Lisbon.", "I like tea", "tea", "Ana said that she moved to Porto."])
message = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "system"]) | values,
        "content": text | values,
        "name": values,
    },
)
document = st.fixed_dictionaries(
    {},
    optional={
        "memory_id": st.sampled_from(["a", "b", KNOWN]) | values,
        "text": text | values,
        "metadata": values,
        "actor_id": values,
        "expiration_date": values,
    },
)
found_item = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "memory", "score", "updated_at", "created_at", "facts", "speaker", "standing", "metadata"), values | text
    ),
)
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "messages": text | message | st.lists(message, max_size=3),
    "documents": st.lists(document, max_size=3),
    "memories": st.lists(
        document | st.just(KNOWN) | st.fixed_dictionaries({"memory_id": st.just(KNOWN), "text": text | values}),
        max_size=3,
    ),
    "found": st.lists(found_item, max_size=3),
    "query": text,
    "text": text,
    "data": st.none(),
    "user_id": st.sampled_from(["ana", "ben"]),
    "memory_id": st.just(KNOWN) | st.just("a"),
    "embedder": st.just(HASHING),
    "limit": st.integers(1, 5),
    "max_tokens": st.integers(1, 300),
    "batch_size": st.integers(1, 10),
    "version": st.integers(1, 5),
    "timestamp": st.sampled_from([0, "2026-01-01", 1e9]),
    "filters": st.none()
    | st.dictionaries(st.sampled_from(["user_id", "AND", "OR", "NOT", "city"]), values, max_size=3),
    "remove": st.lists(st.sampled_from(["a", "b"]), max_size=2),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Something to be called with anything.

    Attributes:
        name: What it is called in reports.
        arguments: The arguments of one call.
        call: Calls it; gets an open memory and the arguments.
        share: The part of the inputs it gets, for a call that takes long.
    """

    name: str
    arguments: st.SearchStrategy[dict[str, Any]]
    call: Callable[[Memory, dict[str, Any]], Any]
    share: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Arguments:
    """The arguments of one call, which Hypothesis prints when the call fails."""

    values: dict[str, Any]

    def __repr__(self) -> str:
        return ", ".join(f"{name}={short_repr(value)}" for name, value in self.values.items())


def _arguments(parameters: list[str], always: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """Return arguments of which each is right, wrong, or left out; at most a few at once are wrong."""
    strategies = {name: RIGHT.get(name, st.none()) | values for name in parameters}
    right = {name: RIGHT.get(name, values) for name in parameters}
    required = {name: right[name] for name in parameters if name in always}
    optional = {name: strategies[name] for name in parameters if name not in always}
    wild = st.fixed_dictionaries({name: strategies[name] for name in always}, optional=optional)
    one_wrong = st.sampled_from(parameters).flatmap(
        lambda wrong: st.fixed_dictionaries({**required, wrong: values}) if parameters else st.just({})
    )
    return wild | one_wrong


def _verb_targets() -> list[Target]:
    targets = []
    for verb in VERBS:
        parameters = inspect.signature(verb.operation).parameters
        names = [name for name in parameters if name not in ("runtime", "progress")]
        if not names:
            targets.append(Target(verb.name, st.just({}), _calling(verb.name)))
            continue
        needed = tuple(
            name for name in names if parameters[name].default is inspect.Parameter.empty or name == "user_id"
        )
        arguments = _arguments(names, needed)
        if verb.name == "delete_users":
            arguments = _arguments(names, ())
        targets.append(Target(verb.name, arguments, _calling(verb.name)))
        targets.append(Target(f"async {verb.name}", arguments, _awaiting(verb.name)))
        if verb.scoped:
            targets.append(Target(f"scoped {verb.name}", arguments, _calling_scoped(verb.name)))
    return targets


def _calling(name: str) -> Callable[[Memory, dict[str, Any]], Any]:
    return lambda memory, arguments: getattr(memory, name)(**arguments)


def _awaiting(name: str) -> Callable[[Memory, dict[str, Any]], Any]:
    return lambda memory, arguments: asyncio.run(getattr(AsyncMemory.over(memory), name)(**arguments))


def _calling_scoped(name: str) -> Callable[[Memory, dict[str, Any]], Any]:
    def call(memory: Memory, arguments: dict[str, Any]) -> Any:
        ids = ("user_id", "agent_id", "run_id", "app_id")
        scoped = ScopedMemory(
            memory, **{name: value for name, value in arguments.items() if name in ids}, on_error="raise"
        )
        names = inspect.signature(getattr(scoped, name)).parameters
        is_open = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in names.values())
        own = {key: value for key, value in arguments.items() if key not in ids and (is_open or key in names)}
        return getattr(scoped, name)(**own)

    return call


def _tool_targets() -> list[Target]:
    arguments = st.fixed_dictionaries(
        {}, optional={name: RIGHT.get(name, values) | values for name in ("text", "query", "limit", "memory_id", "x")}
    )
    return [
        Target(
            f"tool {tool.name}",
            (arguments | values).map(lambda given: {"arguments": given}),
            lambda memory, given, tool=tool: tool.call(ScopedMemory(memory, user_id="ana"), given["arguments"]),
        )
        for tool in MEMORY_TOOLS
    ]


def _one(name: str, function: Callable[..., Any], strategy: st.SearchStrategy[Any] = values) -> Target:
    return Target(name, strategy.map(lambda value: {"value": value}), lambda _, given: function(given["value"]))


def _open_and_close(config: Any) -> None:
    Memory.from_config(config).close()


def _run_command(_: Memory, given: dict[str, Any]) -> None:
    """Run a command of `holdfast` on a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = [given["command"], *given["words"], "--path", f"{folder}/memory.db"]
        result = CliRunner().invoke(app, words, input=given["stdin"], prog_name="holdfast")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception


_SLOW_COMMANDS = ("demo", "eval")
_COMMANDS = [
    name
    for one in app.registered_commands
    if (name := one.name or one.callback.__name__) not in _SLOW_COMMANDS  # type: ignore[union-attr]
]
_OPTIONS = (
    "--user-id --agent-id --json --limit --filter --metadata --timestamp --threshold --repair --all --yes".split()
)
commands = st.fixed_dictionaries(
    {
        "command": st.sampled_from(_COMMANDS),
        "words": st.lists(st.sampled_from([*_OPTIONS, "ana", "5", "{}", "-", KNOWN]) | st.text(max_size=8), max_size=6),
        "stdin": st.text(max_size=20),
    }
)

config = st.fixed_dictionaries(
    {},
    optional={
        "path": st.just(":memory:"),
        "llm": st.just("rules") | values,
        "embedder": st.just(HASHING)
        | st.fixed_dictionaries({"provider": st.just("hashing") | values}, optional={"config": values})
        | values,
        "reranker": values,
        "keep_turns": values,
        "rerank": values,
        "count_tokens": values,
        "custom_instructions": values,
        "synchronous": values,
        "vector_store": values,
        "version": values,
        "history_db_path": values,
    },
).map(lambda given: {**given, "path": ":memory:"})

TARGETS = [
    Target("command line", commands, _run_command, share=0.1),
    *_verb_targets(),
    *_tool_targets(),
    _one("from_config", _open_and_close, config | values.filter(lambda value: not isinstance(value, dict))),
    _one("Config", lambda value: Config.from_mapping(value) if isinstance(value, dict) else None, config),
    _one("parse_filter", parse_filter),
    _one("content_text", content_text),
    _one("to_microseconds", to_microseconds),
    _one("to_calendar_day", to_calendar_day),
    Target(
        "make_scope",
        st.fixed_dictionaries({}, optional=dict.fromkeys(("user_id", "agent_id", "run_id", "app_id"), values)),
        lambda memory, given: ScopedMemory(memory, **given),
    ),
]


def stored(memory: Memory) -> Any:
    """Return what a refused call must not change."""
    query = memory.runtime.store._connections.query  # type: ignore[attr-defined]
    return query(
        "SELECT (SELECT max(sequence) FROM changes), (SELECT count(*) FROM changes), (SELECT count(*) FROM messages),"
        " (SELECT count(*) FROM memories), (SELECT count(*) FROM vectors), (SELECT max(checksum) FROM settings)"
    )


def new_memory() -> Memory:
    """Return a small memory with one known id."""
    memory = Memory(":memory:", llm="rules", embedder=HASHING)
    memory.runtime.new_id = lambda: KNOWN
    memory.add("I play the cello", user_id="ana", infer=False, metadata={"city": "Oslo"})
    memory.runtime.new_id = type(memory.runtime).new_id
    return memory


def _refusal(target: Target, memory: Memory, arguments: dict[str, Any]) -> str | None:
    """Call a target; return the text of Holdfast's error, `None` without one."""
    try:
        target.call(memory, arguments)
    except HoldfastError as error:
        return str(error)
    except ImportError as error:
        if "pip install" not in str(error):
            raise
    return None


def run(
    target: Target, count: int, *, number: int = 0, derandomize: bool = False, calls: list[int] | None = None
) -> int:
    """Call a target `count` times; return how often it was called.

    Args:
        target: What to call.
        count: How often, at most.
        number: The seed.
        derandomize: Take the same inputs in every run.
        calls: Its only item is counted up, for a caller that wants the number after a failure.

    Raises:
        AssertionError: A call raised another error, or a refused call changed the store.
    """
    calls = [0] if calls is None else calls
    memory = new_memory()
    limit = 200  # memories, so that a call stays fast

    @settings(
        max_examples=max(int(count * target.share), 1),
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.arguments.map(Arguments))
    def attempt(given_arguments: Arguments) -> None:
        nonlocal memory
        arguments = {name: to_hostile(value) for name, value in given_arguments.values.items()}
        calls[0] += 1
        before = stored(memory)
        if (refusal := _refusal(target, memory, arguments)) is not None:
            assert stored(memory) == before, f"{target.name} was refused ({refusal}) and changed the store"
        if before[0][3] > limit:
            memory.close()
            memory = new_memory()

    try:
        (attempt if derandomize else seed(number)(attempt))()
    finally:
        memory.close()
    return calls[0]
