"""`add --file`: add the conversations of a file one by one, with a progress bar and a summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from holdfast import HoldfastError, InvalidInput, Memory
from holdfast_cli.conversation_files import Conversation, parse_conversations
from holdfast_cli.options import read_file
from holdfast_cli.output import format_count, format_skipped, stdout_console

_MAX_MESSAGES = 1_000  # in one add; the library takes 10,000, but the progress bar would not move


@dataclass(slots=True)
class ImportCounts:
    """The counts of an import so far."""

    conversations: int = 0
    messages: int = 0
    turns: int = 0
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON types."""
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


def read_conversations(path: str, *, ids: Mapping[str, Any], timestamp: str | float | None) -> list[Conversation]:
    """Return the conversations in a file, or in stdin for `-`.

    Args:
        path: The file.
        ids: Scope ids that override those in the file.
        timestamp: The time of every conversation, instead of those in the file.

    Raises:
        InvalidInput: The file cannot be read, has no known format, or a conversation has no id here or in the file.
    """
    text = read_file(path)
    try:
        found = parse_conversations(text)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    return [_apply_overrides(one, ids, timestamp) for one in found]


def import_conversations(memory: Memory, conversations: Sequence[Conversation], **options: Any) -> ImportCounts:
    """Add every conversation, with a progress bar.

    Args:
        memory: The memory to add to.
        conversations: The result of `read_conversations`.
        options: Arguments of every `Memory.add`.

    Raises:
        HoldfastError: An add failed. Earlier conversations stay, and the message names the one that failed.
    """
    counts = ImportCounts(skipped=Counter({"blank": sum(one.blank for one in conversations)}))
    counts.skipped += Counter()  # adding an empty counter removes counts of zero
    started = time.perf_counter()
    with make_progress_bar() as bar:
        task = bar.add_task("reading", total=sum(len(one.messages) for one in conversations))
        for conversation in _split_conversations(conversations):
            bar.update(task, description=conversation.place)
            _add(memory, conversation, counts, options)
            bar.update(task, completed=counts.messages)
    counts.conversations = sum(1 for one in conversations if one.messages)
    counts.seconds = time.perf_counter() - started
    return counts


def print_summary(counts: ImportCounts) -> None:
    """Print the counts of an import."""
    summary = counts.to_json()
    console = stdout_console()
    read = f"{format_count(counts.messages, 'message')} of {format_count(counts.conversations, 'conversation')} read"
    console.print(
        f"{read} in {counts.seconds:.1f} s ({summary['messages_per_second']:,.0f} per second)", soft_wrap=True
    )
    console.print(f"{format_count(summary['added'], 'memory')} added", style="green", end=", ")
    console.print(f"{summary['updated']:,} updated", style="yellow", end=", ")
    console.print(f"{summary['deleted']:,} deleted", style="red")
    if counts.turns:
        console.print(f"{format_count(counts.turns, 'turn')} stored in addition to the facts")
    if counts.skipped:
        console.print(format_skipped(counts.skipped), style="dim", soft_wrap=True)


def _apply_overrides(one: Conversation, ids: Mapping[str, Any], timestamp: str | float | None) -> Conversation:
    # The name of a session identifies no user: without another id, the sessions of all files would be mixed.
    if not ids and set(one.ids) <= {"run_id"}:
        raise InvalidInput(f"{one.place} does not say whose memory it is: give --user-id")
    return replace(one, ids={**one.ids, **ids}, timestamp=one.timestamp if timestamp is None else timestamp)


def _split_conversations(conversations: Sequence[Conversation]) -> Iterator[Conversation]:
    for one in conversations:
        for start in range(0, len(one.messages), _MAX_MESSAGES):
            yield replace(one, messages=one.messages[start : start + _MAX_MESSAGES])


def _add(memory: Memory, conversation: Conversation, counts: ImportCounts, options: Mapping[str, Any]) -> None:
    try:
        result = memory.add(conversation.messages, **conversation.ids, **options, timestamp=conversation.timestamp)
    except HoldfastError as error:
        before = format_count(counts.messages, "message")
        hint = f"the {before} before it stay added; run it again to add the rest, duplicates are skipped"
        error.args = (f"{conversation.place}: {error} ({hint})",)
        raise
    counts.messages += len(conversation.messages)
    counts.turns += len(result.get("turns", []))
    counts.events.update(item["event"] for item in result["results"])
    counts.skipped.update(item["reason"] for item in result["skipped"])


def make_progress_bar() -> Progress:
    """Return a progress bar on stderr that only a terminal shows, and that disappears when it is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
