"""Print results: for a person at a terminal, line by line in a pipe, or as JSON.

In a pipe one result is one line without colour, its parts separated by tabs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

EVENT_STYLES = {"ADD": "green", "UPDATE": "yellow", "DELETE": "red"}

_SCOPE_FIELDS = ("user_id", "agent_id", "run_id", "app_id")
_MINUTES = len("2026-05-08T13:56")
_DAY = len("2026-05-08")
_BAR_CELLS = 6
_GOOD, _FAIR = 0.5, 0.2

# The text of a memory is untrusted: it must not move the cursor, change colours or reverse the direction of a line.
_CONTROL_CODES = (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys((code for code in _CONTROL_CODES if chr(code) not in "\n\t"), "\N{REPLACEMENT CHARACTER}")


def stdout_console() -> Console:
    """Return a console for the current stdout."""
    return Console(highlight=False, markup=False, emoji=False)


def replace_controls(text: str) -> str:
    """Return `text` with every control character replaced by a visible one, except newline and tab."""
    return text.translate(_CONTROLS)


def to_one_line(text: str) -> str:
    r"""Return `text` on one line, without control characters.

    >>> to_one_line("two\n lines")
    'two lines'
    """
    return " ".join(replace_controls(text).split())


def to_day(time: str) -> str:
    """Return the day of an ISO-8601 time."""
    return time[:_DAY]


def to_minute(time: str) -> str:
    """Return an ISO-8601 time to the minute."""
    return time[:_MINUTES].replace("T", " ")


def print_json(document: object) -> None:
    """Print one JSON document."""
    needs_ascii = not stdout_console().encoding.startswith("utf")
    typer.echo(json.dumps(document, ensure_ascii=needs_ascii, indent=2))


def print_fields(*parts: str) -> None:
    """Print one line for a pipe, its parts separated by tabs."""
    typer.echo("\t".join(to_one_line(part) for part in parts))


def print_memories(items: Iterable[Mapping[str, Any]], *, hidden_fields: Collection[str] = ()) -> None:
    """Print memories, each with its full id.

    Args:
        items: Memories as the library returns them, with or without a score.
        hidden_fields: The scope fields that are not printed, because the user named them.
    """
    console = stdout_console()
    if not console.is_terminal:
        for item in items:
            score = (f"{item['score']:.2f}",) if "score" in item else ()
            print_fields(item["id"], to_day(item["created_at"]), *score, item["memory"], *_get_signals(item))
        return
    grid = make_grid()
    for item in items:
        notes = [item["id"], to_day(item["created_at"]), *_get_owners(item, hidden_fields), *_get_signals(item)]
        text = Text.assemble(replace_controls(item["memory"]), "\n", ("  ".join(map(to_one_line, notes)), "dim"))
        grid.add_row(*((make_score_bar(item["score"], console),) if "score" in item else ()), text)
    console.print(grid)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their headings; in a pipe only the rows."""
    console = stdout_console()
    if not console.is_terminal:
        for row in rows:
            print_fields(*row)
        return
    table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(to_one_line(cell)) for cell in row))
    console.print(table)


def make_grid() -> Table:
    """Return an empty table without lines, its columns two spaces apart."""
    return Table.grid(padding=(0, 2, 0, 0))


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair per line."""
    console = stdout_console()
    if not console.is_terminal:
        for pair in pairs:
            print_fields(*pair)
        return
    grid = make_grid()
    for name, value in pairs:
        grid.add_row(Text(name, style="dim"), Text(replace_controls(value)))
    console.print(grid)


def make_event_row(item: Mapping[str, Any]) -> tuple[Text, Text]:
    """Return an event as two coloured cells, its name and the text; an update also shows the text it replaces."""
    style = EVENT_STYLES[item["event"]]
    before = item.get("previous_memory")
    replaced = ((to_one_line(before), "dim"), " \N{RIGHTWARDS ARROW} ") if before else ()
    return Text(item["event"], style=f"bold {style}"), Text.assemble(*replaced, (to_one_line(item["memory"]), style))


def format_skipped(skipped: Mapping[str, int]) -> str:
    """Return the number of skipped texts and the reasons.

    >>> format_skipped({"duplicate": 1, "question": 2})
    '3 skipped: 2 question, 1 duplicate'
    """
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(skipped).most_common())
    return f"{sum(skipped.values()):,} skipped: {reasons}"


def make_score_bar(score: float, console: Console) -> Text:
    """Return a score with two decimals and, if the terminal can show it, a bar."""
    style = "green" if score >= _GOOD else "yellow" if score >= _FAIR else "dim"
    bar = "\N{FULL BLOCK}" * round(score * _BAR_CELLS) if console.encoding.startswith("utf") else ""
    return Text(f"{score:.2f} {bar:<{_BAR_CELLS}}", style=style, no_wrap=True)


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun in the singular or plural.

    >>> format_count(2000, "memory")
    '2,000 memories'
    """
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def _get_owners(item: Mapping[str, Any], hidden_fields: Collection[str]) -> list[str]:
    speaker = item.get("speaker") or item.get("actor_id")
    ids = [f"{field[:-3]} {item[field]}" for field in _SCOPE_FIELDS if field in item and field not in hidden_fields]
    return [*ids, *([speaker] if speaker else [])]


def _get_signals(item: Mapping[str, Any]) -> list[str]:
    details: Mapping[str, float] = item.get("score_details", {})
    return [f"{name} {value:.2f}" for name, value in details.items()]
