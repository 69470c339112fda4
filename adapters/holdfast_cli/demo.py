"""`demo`: two people talk with one assistant over some months, and the memory answers from it, without any key."""

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
from holdfast_cli.printing import (
    columns,
    counted,
    day,
    event_row,
    minute,
    one_line,
    output,
    print_json,
    score_bar,
    skipped_line,
)

_LOOKED_AT = 3
_LEAST_ANSWERED = 0.8
_INDENT = (0, 0, 0, 2)


class Session(TypedDict):
    """One conversation of one user."""

    user_id: str
    run_id: str
    timestamp: str
    messages: list[dict[str, str]]


class Question(TypedDict):
    """A question and a text that stands in the right answer."""

    user_id: str
    question: str
    expected: str


class Script(TypedDict):
    """What the demo plays."""

    title: str
    users: list[str]
    sessions: list[Session]
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for a question.

    Attributes:
        rank: Place of the first result that holds the expected text, from 1; `None` when no result does.
        found: That result, else the first one, `None` when there is none at all.
    """

    question: Question
    rank: int | None
    found: Mapping[str, Any] | None


@dataclass(slots=True)
class Played:
    """What came of a demo; `leaked` counts memories that somebody else's search showed."""

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
        """How many questions were answered."""
        return sum(answer.rank is not None for answer in self.answers)

    @property
    def good(self) -> bool:
        """Whether the memory kept its promises: most questions answered, nobody's memories shown to another."""
        return not self.leaked and self.answered >= _LEAST_ANSWERED * len(self.answers)


def demo(*, path: options.Path = None, as_json: options.AsJson = False) -> None:
    """Play a conversation and answer questions from it.

    It needs no key and no network, and shows what is remembered, revised and left aside.
    """
    script: Script = json.loads((files("holdfast_cli") / "demo_conversation.json").read_text("utf-8"))
    # Not deleted at the end: the command that the demo suggests works on it.
    store = path or str(Path(tempfile.mkdtemp(prefix="holdfast-demo-")) / "memory.db")
    console = Console(quiet=True) if as_json else output()
    with Memory(store, llm="rules", embedder="hashing") as memory:
        played = play(memory, script, console)
    size = Path(store).stat().st_size if Path(store).exists() else 0
    if as_json:
        print_json(_document(script, played, store, size))
    else:
        _print_summary(console, script, played, store, size)
    if not played.good:
        raise typer.Exit(1)


def play(memory: Memory, script: Script, console: Console) -> Played:
    """Play `script` into `memory`, session by session, and ask its questions.

    Args:
        memory: Best a fresh one.
        script: The sessions and the questions.
        console: Where to tell what happens.
    """
    started = time.perf_counter()
    played = Played()
    engines = ", ".join(f"{role} {name}" for role, name in memory.engines.items() if name)
    console.print(Text.assemble((script["title"], "bold"), (f"\nno key, no network ({engines})", "dim")))
    for session in script["sessions"]:
        _play_session(memory, session, console, played)
    console.print("\nQuestions", style="bold")
    for question in script["questions"]:
        answer = _answered(memory, question)
        played.answers.append(answer)
        console.print(_answer_shown(answer, console))
    _ask_as_strangers(memory, script, console, played)
    played.memories = sum(_count(memory, user) for user in script["users"])
    played.seconds = time.perf_counter() - started
    return played


def _play_session(memory: Memory, session: Session, console: Console, played: Played) -> None:
    # The session is metadata here, no run_id: one memory per user lets what was said in spring be revised in summer.
    result = memory.add(
        session["messages"],
        user_id=session["user_id"],
        timestamp=session["timestamp"],
        metadata={"session": session["run_id"]},
    )
    turns = counted(len(session["messages"]), "turn")
    who, when = session["user_id"], minute(session["timestamp"])
    console.print(Text.assemble("\n", (when, "dim"), "  ", (who, "bold"), f"  {session['run_id']}, {turns}"))
    grid = columns()
    for item in result["results"]:
        grid.add_row(*event_row(item))
    console.print(Padding(grid, _INDENT))
    skipped = Counter(item["reason"] for item in result["skipped"])
    if skipped:
        console.print(Padding(Text(skipped_line(skipped), style="dim"), _INDENT))
    played.turns += len(session["messages"])
    played.events.update(item["event"] for item in result["results"])
    played.skipped += skipped


def _answered(memory: Memory, question: Question) -> Answer:
    results = memory.search(question["question"], user_id=question["user_id"], limit=_LOOKED_AT)["results"]
    wanted = question["expected"].casefold()
    for rank, item in enumerate(results, 1):
        if wanted in item["memory"].casefold():
            return Answer(question, rank, item)
    return Answer(question, None, results[0] if results else None)


def _ask_as_strangers(memory: Memory, script: Script, console: Console, played: Played) -> None:
    """Ask everybody's questions as somebody else, and count what of theirs is shown."""
    for question, stranger in _strangers(script):
        results = memory.search(question["question"], user_id=stranger)["results"]
        played.strangers += 1
        played.leaked += sum(item.get("user_id") != stranger for item in results)
    if played.strangers:
        verdict = "nothing of theirs is shown" if not played.leaked else f"{counted(played.leaked, 'memory')} LEAKED"
        line = f"The same questions asked by the other user ({played.strangers} searches): {verdict}."
        console.print(Text("\n" + line, style="red" if played.leaked else "green"))


def _strangers(script: Script) -> Iterator[tuple[Question, str]]:
    for question in script["questions"]:
        yield from ((question, user) for user in script["users"] if user != question["user_id"])


def _count(memory: Memory, user_id: str) -> int:
    return memory.get_all(user_id=user_id, page=1, page_size=1)["count"]


# How it looks -----------------------------------------------------------------------------------------------


def _answer_shown(answer: Answer, console: Console) -> Group:
    marks = ("\N{CHECK MARK}", "\N{BALLOT X}") if console.encoding.startswith("utf") else ("+", "-")
    mark = (marks[0], "bold green") if answer.rank else (marks[1], "bold red")
    asked = Text.assemble(mark, " ", (answer.question["user_id"], "bold"), f": {answer.question['question']}")
    grid = columns()
    if answer.found is not None:
        place = f", {_ordinal(answer.rank)}" if answer.rank and answer.rank > 1 else ""
        notes = (f"  ({day(answer.found['updated_at'])}{place})", "dim")
        memory = Text.assemble(one_line(answer.found["memory"]), notes)
        grid.add_row(score_bar(answer.found["score"], console), memory)
    return Group(asked, Padding(grid, _INDENT))


def _ordinal(rank: int) -> str:
    return {2: "2nd", 3: "3rd"}[rank]


def _print_summary(console: Console, script: Script, played: Played, store: str, size: int) -> None:
    console.print(
        Text.assemble(
            "\n",
            (
                f"{played.answered}/{len(played.answers)} questions answered",
                "bold green" if played.good else "bold red",
            ),
            f" from {counted(played.memories, 'memory')} ({played.events['UPDATE']} updated,"
            f" {played.events['DELETE']} deleted) of {played.turns} turns in {played.seconds:.2f} s",
        )
    )
    console.print(f"{store} ({size / 1024:,.0f} KiB)", style="dim", soft_wrap=True)
    console.print(Text("\nNow ask it yourself:", style="bold"))
    console.print(_suggestion(script["questions"], store), soft_wrap=True)


def _suggestion(questions: Sequence[Question], store: str) -> str:
    if not questions:
        return shlex.join(["holdfast", "users", "--path", store])
    first = questions[0]
    return shlex.join(["holdfast", "search", "--path", store, "--user-id", first["user_id"], first["question"]])


def _document(script: Script, played: Played, store: str, size: int) -> dict[str, Any]:
    return {
        "title": script["title"],
        "turns": played.turns,
        "memories": played.memories,
        "events": dict(played.events),
        "skipped": dict(played.skipped),
        "answered": played.answered,
        "questions": [{**answer.question, "rank": answer.rank, "found": answer.found} for answer in played.answers],
        "leaked": played.leaked,
        "seconds": round(played.seconds, 3),
        "path": store,
        "bytes": size,
    }
