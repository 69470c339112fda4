"""`demo`: play conversations of two people with an assistant, and answer questions from the memory, without a key."""

from __future__ import annotations

import json
import shlex
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

import typer
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from holdfast import Memory
from holdfast_cli import options
from holdfast_cli.output import (
    format_count,
    format_skipped,
    make_event_row,
    make_grid,
    make_score_bar,
    print_json,
    stdout_console,
    to_day,
    to_minute,
    to_one_line,
)

_MAX_RANK = 3  # a question is answered if one of the first three results holds the answer
_MIN_ANSWERED = 0.8  # the share of questions
_INDENT = (0, 0, 0, 2)


class Session(TypedDict):
    """One conversation of one user."""

    user_id: str
    run_id: str
    timestamp: str
    messages: list[dict[str, str]]


class Question(TypedDict):
    """A question, and a text that the right answer contains."""

    user_id: str
    question: str
    expected: str


class Script(TypedDict):
    """The conversations and questions of the demo."""

    title: str
    users: list[str]
    sessions: list[Session]
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result for a question.

    Attributes:
        question: The question.
        rank: The position of the first result that contains the expected text, from 1; `None` if none does.
        found: That result, otherwise the first one, or `None` if there are no results.
    """

    question: Question
    rank: int | None
    found: Mapping[str, Any] | None


@dataclass(slots=True)
class DemoResult:
    """The counts of a demo; `leaked` is the number of memories that another user's search returned."""

    turns: int = 0
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    strangers: int = 0
    leaked: int = 0
    memories: int = 0
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """The number of answered questions."""
        return sum(answer.rank is not None for answer in self.answers)

    @property
    def passed(self) -> bool:
        """Whether enough questions were answered and no memory was shown to another user."""
        return not self.leaked and self.answered >= _MIN_ANSWERED * len(self.answers)


def demo(*, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Play conversations and answer questions from the memory.

    Needs no key and no network, and shows which facts are added, updated and skipped.
    """
    script: Script = json.loads((files("holdfast_cli") / "demo_conversation.json").read_text("utf-8"))
    # Not deleted at the end, because the command that the demo suggests searches it.
    store = path or str(Path(tempfile.mkdtemp(prefix="holdfast-demo-")) / "memory.db")
    console = Console(quiet=True) if as_json else stdout_console()
    with Memory(store, llm="rules", embedder="hashing") as memory:
        result = play(memory, script, console)
    size = Path(memory.path).stat().st_size if Path(memory.path).exists() else 0
    if as_json:
        print_json(_to_json(script, result, store, size))
    else:
        _print_summary(console, script, result, store, size)
    if not result.passed:
        raise typer.Exit(1)


def play(memory: Memory, script: Script, console: Console) -> DemoResult:
    """Play `script` into `memory`, session by session, and ask its questions.

    Args:
        memory: The memory, preferably an empty one.
        script: The sessions and the questions.
        console: The console to report to.
    """
    started = time.perf_counter()
    result = DemoResult()
    engines = ", ".join(f"{role} {name}" for role, name in memory.engines.items() if name)
    console.print(Text.assemble((script["title"], "bold"), (f"\nno key, no network ({engines})", "dim")))
    for session in script["sessions"]:
        _play_session(memory, session, console, result)
    console.print("\nQuestions", style="bold")
    for question in script["questions"]:
        answer = _ask(memory, question)
        result.answers.append(answer)
        console.print(_format_answer(answer, console))
    _ask_as_strangers(memory, script, console, result)
    result.memories = sum(_count(memory, user) for user in script["users"])
    result.seconds = time.perf_counter() - started
    return result


def _play_session(memory: Memory, session: Session, console: Console, result: DemoResult) -> None:
    # The session is metadata and not `run_id`: with one scope per user, a fact from spring can be updated in summer.
    added = memory.add(
        session["messages"],
        user_id=session["user_id"],
        timestamp=session["timestamp"],
        metadata={"session": session["run_id"]},
    )
    turns = format_count(len(session["messages"]), "turn")
    user, time = session["user_id"], to_minute(session["timestamp"])
    console.print(Text.assemble("\n", (time, "dim"), "  ", (user, "bold"), f"  {session['run_id']}, {turns}"))
    grid = make_grid()
    for item in added["results"]:
        grid.add_row(*make_event_row(item))
    console.print(Padding(grid, _INDENT))
    skipped = Counter(item["reason"] for item in added["skipped"])
    if skipped:
        console.print(Padding(Text(format_skipped(skipped), style="dim"), _INDENT))
    result.turns += len(session["messages"])
    result.events.update(item["event"] for item in added["results"])
    result.skipped += skipped


def _ask(memory: Memory, question: Question) -> Answer:
    results = memory.search(question["question"], user_id=question["user_id"], limit=_MAX_RANK)["results"]
    expected = question["expected"].casefold()
    for rank, item in enumerate(results, 1):
        if expected in item["memory"].casefold():
            return Answer(question, rank, item)
    return Answer(question, None, results[0] if results else None)


def _ask_as_strangers(memory: Memory, script: Script, console: Console, result: DemoResult) -> None:
    """Ask every question as the other users, and count the memories of somebody else that are shown."""
    for question, stranger in _strangers(script):
        results = memory.search(question["question"], user_id=stranger)["results"]
        result.strangers += 1
        result.leaked += sum(item.get("user_id") != stranger for item in results)
    if result.strangers:
        verdict = (
            "nothing of theirs is shown" if not result.leaked else f"{format_count(result.leaked, 'memory')} LEAKED"
        )
        line = f"The same questions asked by the other user ({result.strangers} searches): {verdict}."
        console.print(Text("\n" + line, style="red" if result.leaked else "green"))


def _strangers(script: Script) -> Iterator[tuple[Question, str]]:
    for question in script["questions"]:
        yield from ((question, user) for user in script["users"] if user != question["user_id"])


def _count(memory: Memory, user_id: str) -> int:
    return memory.get_all(user_id=user_id, page=1, page_size=1)["count"]


def _format_answer(answer: Answer, console: Console) -> Group:
    marks = ("\N{CHECK MARK}", "\N{BALLOT X}") if console.encoding.startswith("utf") else ("+", "-")
    mark = (marks[0], "bold green") if answer.rank else (marks[1], "bold red")
    question = Text.assemble(mark, " ", (answer.question["user_id"], "bold"), f": {answer.question['question']}")
    grid = make_grid()
    if answer.found is not None:
        rank = f", {_ordinal(answer.rank)}" if answer.rank and answer.rank > 1 else ""
        notes = (f"  ({to_day(answer.found['updated_at'])}{rank})", "dim")
        memory = Text.assemble(to_one_line(answer.found["memory"]), notes)
        grid.add_row(make_score_bar(answer.found["score"], console), memory)
    return Group(question, Padding(grid, _INDENT))


def _ordinal(rank: int) -> str:
    return {2: "2nd", 3: "3rd"}[rank]


def _print_summary(console: Console, script: Script, result: DemoResult, store: str, size: int) -> None:
    console.print(
        Text.assemble(
            "\n",
            (
                f"{result.answered}/{len(result.answers)} questions answered",
                "bold green" if result.passed else "bold red",
            ),
            f" from {format_count(result.memories, 'memory')} ({result.events['UPDATE']} updated,"
            f" {result.events['DELETE']} deleted) of {result.turns} turns in {result.seconds:.2f} s",
        )
    )
    console.print(f"{store} ({size / 1024:,.0f} KiB)", style="dim", soft_wrap=True)
    console.print(Text("\nNow ask it yourself:", style="bold"))
    console.print(_make_suggestion(script["questions"], store), soft_wrap=True)


def _make_suggestion(questions: Sequence[Question], store: str) -> str:
    if not questions:
        return shlex.join(["holdfast", "users", "--path", store])
    first = questions[0]
    return shlex.join(["holdfast", "search", "--path", store, "--user-id", first["user_id"], first["question"]])


def _to_json(script: Script, result: DemoResult, store: str, size: int) -> dict[str, Any]:
    return {
        "title": script["title"],
        "turns": result.turns,
        "memories": result.memories,
        "events": dict(result.events),
        "skipped": dict(result.skipped),
        "answered": result.answered,
        "questions": [{**answer.question, "rank": answer.rank, "found": answer.found} for answer in result.answers],
        "leaked": result.leaked,
        "seconds": round(result.seconds, 3),
        "path": store,
        "bytes": size,
    }
