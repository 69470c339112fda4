"""`audit`: find memories that should not be stored, and memories that cannot be found."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from holdfast_cli import options
from holdfast_cli.audit.report import SERIOUS, Audit, run_audit
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.file_import import make_progress_bar
from holdfast_cli.open_store import open_existing
from holdfast_cli.output import (
    format_count,
    make_grid,
    print_fields,
    print_json,
    print_pairs,
    stdout_console,
    to_one_line,
)

_MAX_SHOWN = 10  # findings of one kind at a terminal
_MAX_TEXT = 200  # characters of a memory at a terminal


def audit(
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    probes: Annotated[int, typer.Option(min=0, help="How many memories to search for by their own text.")] = 200,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Find memories that should not be stored, and memories that cannot be found.

    Looks for secrets, contradictions, duplicates, stale memories and junk in one scope or in all of them, and searches
    for a sample of memories by their own text. Changes nothing and shows no secret. Exit code 1 if a finding is
    serious: a secret, a contradiction, or more than one memory in twenty not found.
    """
    ids = options.to_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    with open_existing(path, embedder=embedder) as memory, make_progress_bar() as bar:
        task = bar.add_task("searching", total=None)
        result = run_audit(memory, ids, probes=probes, on_probe=lambda: bar.advance(task))
    if as_json:
        print_json(result.to_json())
    elif result.memories:
        _print(result)
    if not result.memories:
        if not as_json:
            typer.echo("there are no memories to audit", err=True)
        raise typer.Exit(NOTHING_FOUND)
    if result.serious:
        raise typer.Exit(NOTHING_FOUND)


def _print(result: Audit) -> None:
    console = stdout_console()
    found = f"{result.found:,} of {result.probed:,}"
    counts = ((kind, f"{count:,}") for kind, count in result.counts.items())
    print_pairs([("memories", f"{result.memories:,}"), ("found by their own text", found), *counts])
    if console.is_terminal:
        _print_findings(result, console)
    else:
        for finding in result.findings:
            print_fields(finding.kind, finding.id, finding.note, finding.text)
    verdict, style = ("serious", "bold red") if result.serious else ("nothing serious", "bold green")
    console.print(f"score {result.score:g} of 100, {verdict}", style=style)


def _print_findings(result: Audit, console: Console) -> None:
    shown: Counter[str] = Counter()
    grid = make_grid()
    for finding in result.findings:
        shown[finding.kind] += 1
        if shown[finding.kind] <= _MAX_SHOWN:
            style = "bold red" if finding.kind in SERIOUS else "yellow"
            details = Text.assemble(
                to_one_line(finding.text)[:_MAX_TEXT], (f"\n{finding.id}\n{to_one_line(finding.note)}", "dim")
            )
            grid.add_row(Text(finding.kind, style=style), details)
    console.print(grid)
    hidden = sum(max(0, count - _MAX_SHOWN) for count in shown.values())
    if hidden:
        console.print(f"{format_count(hidden, 'finding')} more: --json shows all", style="dim")
