"""`add --file`: a file's conversations, one add each, with a bar that moves and a summary at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from holdfast import HoldfastError, InvalidInput, Memory
from holdfast_cli.conversations import Conversation, conversations_of
from holdfast_cli.options import text_of_file
from holdfast_cli.printing import counted, output, skipped_line

_MOST_PER_ADD = 1_000  # messages; the library takes more, but then the bar would stand still


@dataclass(slots=True)
class Tally:
    """What an import did so far."""

    conversations: int = 0
    messages: int = 0
    turns: int = 0
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return it as a dictionary fit for JSON."""
        return {
            "conversations": self.conversations,
            "messages": self.messages,
            "added": self.events["ADD"],
            "updated": self.events["UPDATE"],
            "deleted": self.events["DELETE"],
            "turns_kept": self.turns,
            "skipped": dict(self.skipped.most_common()),
            "seconds": round(self.seconds, 3),
            "messages_per_second": round(self.messages / max(self.seconds, 1e-9), 1),
        }


def conversations_in(path: str, *, ids: Mapping[str, Any], timestamp: str | float | None) -> list[Conversation]:
    """Return the conversations of a file, `-` being stdin; what is named here wins over what the file says.

    Raises:
        InvalidInput: The file cannot be read, is of no known shape, or names nobody where nobody is named here.
    """
    text = text_of_file(path)
    try:
        found = conversations_of(text)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    return [_completed(one, ids, timestamp) for one in found]


def import_conversations(memory: Memory, conversations: Sequence[Conversation], **options: Any) -> Tally:
    """Add every conversation, showing how far it is.

    Args:
        memory: Where to.
        conversations: As `conversations_in` returns them.
        options: What `Memory.add` takes for all of them.

    Raises:
        HoldfastError: An add failed; what was added before stays, and the error says where it stopped.
    """
    tally = Tally(skipped=Counter({"blank": sum(one.blank for one in conversations)}))
    tally.skipped += Counter()  # a count of zero is none
    started = time.perf_counter()
    with progress_bar() as bar:
        task = bar.add_task("reading", total=sum(len(one.messages) for one in conversations))
        for conversation in _in_parts(conversations):
            bar.update(task, description=conversation.place)
            _import(memory, conversation, tally, options)
            bar.update(task, completed=tally.messages)
    tally.conversations = sum(1 for one in conversations if one.messages)
    tally.seconds = time.perf_counter() - started
    return tally


def print_summary(tally: Tally) -> None:
    """Print what an import did."""
    summary = tally.summary()
    console = output()
    read = f"{counted(tally.messages, 'message')} of {counted(tally.conversations, 'conversation')} read"
    console.print(f"{read} in {tally.seconds:.1f} s ({summary['messages_per_second']:,.0f} per second)", soft_wrap=True)
    console.print(f"{counted(summary['added'], 'memory')} added", style="green", end=", ")
    console.print(f"{summary['updated']:,} updated", style="yellow", end=", ")
    console.print(f"{summary['deleted']:,} deleted", style="red")
    if tally.turns:
        console.print(f"{counted(tally.turns, 'turn')} kept beside the facts")
    if tally.skipped:
        console.print(skipped_line(tally.skipped), style="dim", soft_wrap=True)


def _completed(one: Conversation, ids: Mapping[str, Any], timestamp: str | float | None) -> Conversation:
    # A session's own name says nothing about whose it is: without more, the sessions of all files would mix.
    if not ids and set(one.ids) <= {"run_id"}:
        raise InvalidInput(f"{one.place} does not say whose memory it is: give --user-id")
    return replace(one, ids={**one.ids, **ids}, timestamp=one.timestamp if timestamp is None else timestamp)


def _in_parts(conversations: Sequence[Conversation]) -> Iterator[Conversation]:
    for one in conversations:
        for start in range(0, len(one.messages), _MOST_PER_ADD):
            yield replace(one, messages=one.messages[start : start + _MOST_PER_ADD])


def _import(memory: Memory, conversation: Conversation, tally: Tally, options: Mapping[str, Any]) -> None:
    try:
        result = memory.add(conversation.messages, **conversation.ids, **options, timestamp=conversation.timestamp)
    except HoldfastError as error:
        before = counted(tally.messages, "message")
        hint = f"the {before} before it stay added; when run again, what is known already is skipped"
        error.args = (f"{conversation.place}: {error} ({hint})",)
        raise
    tally.messages += len(conversation.messages)
    tally.turns += len(result.get("turns", []))
    tally.events.update(item["event"] for item in result["results"])
    tally.skipped.update(item["reason"] for item in result["skipped"])


def progress_bar() -> Progress:
    """Return a bar on stderr that is seen at a terminal only, and gone when done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
