"""How things look: for a person at a terminal, line by line in a pipe, or as JSON.

In a pipe one thing is one line, its parts separated by tabs, without colour.
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

# A memory is whatever somebody once said: it must not move the cursor, recolour the terminal or reverse the line.
_HARMFUL = (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys((code for code in _HARMFUL if chr(code) not in "\n\t"), "\N{REPLACEMENT CHARACTER}")


def output() -> Console:
    """Return the console on stdout as it is now."""
    return Console(highlight=False, markup=False, emoji=False)


def without_controls(text: str) -> str:
    """Return `text` with every control character made visible and harmless."""
    return text.translate(_CONTROLS)


def one_line(text: str) -> str:
    """Return `text` on one line, harmless."""
    return " ".join(without_controls(text).split())


def day(moment: str) -> str:
    """Return an ISO-8601 time as its day."""
    return moment[:_DAY]


def minute(moment: str) -> str:
    """Return an ISO-8601 time to the minute."""
    return moment[:_MINUTES].replace("T", " ")


def print_json(document: object) -> None:
    """Print one JSON document."""
    plain = not output().encoding.startswith("utf")
    typer.echo(json.dumps(document, ensure_ascii=plain, indent=2))


def print_fields(*parts: str) -> None:
    """Print one line for a pipe."""
    typer.echo("\t".join(one_line(part) for part in parts))


def print_memories(items: Iterable[Mapping[str, Any]], *, known: Collection[str] = ()) -> None:
    """Print memories, each with its whole id.

    Args:
        items: In the library's shape, with or without a score.
        known: The scope fields that the caller named and need not see.
    """
    console = output()
    if not console.is_terminal:
        for item in items:
            score = (f"{item['score']:.2f}",) if "score" in item else ()
            print_fields(item["id"], day(item["created_at"]), *score, item["memory"], *_signals(item))
        return
    grid = columns()
    for item in items:
        notes = [item["id"], day(item["created_at"]), *_people(item, known), *_signals(item)]
        text = Text.assemble(without_controls(item["memory"]), "\n", ("  ".join(map(one_line, notes)), "dim"))
        grid.add_row(*((score_bar(item["score"], console),) if "score" in item else ()), text)
    console.print(grid)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their headings; a pipe gets the rows alone."""
    console = output()
    if not console.is_terminal:
        for row in rows:
            print_fields(*row)
        return
    table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)


def columns() -> Table:
    """Return a table without any lines, its columns two blanks apart."""
    return Table.grid(padding=(0, 2, 0, 0))


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and what they stand for, one pair below the other."""
    console = output()
    if not console.is_terminal:
        for pair in pairs:
            print_fields(*pair)
        return
    grid = columns()
    for name, value in pairs:
        grid.add_row(Text(name, style="dim"), Text(without_controls(value)))
    console.print(grid)


def event_row(item: Mapping[str, Any]) -> tuple[Text, Text]:
    """Return one event of an add as two coloured cells, the word and the text; an update shows what it replaces."""
    style = EVENT_STYLES[item["event"]]
    before = item.get("previous_memory")
    replaced = ((one_line(before), "dim"), " \N{RIGHTWARDS ARROW} ") if before else ()
    return Text(item["event"], style=f"bold {style}"), Text.assemble(*replaced, (one_line(item["memory"]), style))


def skipped_line(skipped: Mapping[str, int]) -> str:
    """Return how many things were skipped and why, such as `3 skipped: 2 question, 1 duplicate`."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(skipped).most_common())
    return f"{sum(skipped.values()):,} skipped: {reasons}"


def score_bar(score: float, console: Console) -> Text:
    """Return a score as two digits and a bar, where the terminal can draw one."""
    style = "green" if score >= _GOOD else "yellow" if score >= _FAIR else "dim"
    bar = "\N{FULL BLOCK}" * round(score * _BAR_CELLS) if console.encoding.startswith("utf") else ""
    return Text(f"{score:.2f} {bar:<{_BAR_CELLS}}", style=style, no_wrap=True)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as `1 memory` or `2,000 memories`."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def _people(item: Mapping[str, Any], known: Collection[str]) -> list[str]:
    speaker = item.get("speaker") or item.get("actor_id")
    ids = [f"{field[:-3]} {item[field]}" for field in _SCOPE_FIELDS if field in item and field not in known]
    return [*ids, *([speaker] if speaker else [])]


def _signals(item: Mapping[str, Any]) -> list[str]:
    details: Mapping[str, float] = item.get("score_details", {})
    return [f"{name} {value:.2f}" for name, value in details.items()]
