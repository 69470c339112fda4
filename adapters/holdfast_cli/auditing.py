"""`audit`: is what a memory holds worth holding?"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from holdfast_cli import options
from holdfast_cli.audits.auditing import SERIOUS, Audit, audit_of
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.importing import progress_bar
from holdfast_cli.printing import columns, counted, one_line, output, print_fields, print_json, print_pairs
from holdfast_cli.stores import existing

_SHOWN = 10  # findings of one kind at a terminal
_TEXT = 200  # characters of a memory there


def audit(
    *,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    run_id: options.RunId = None,
    app_id: options.AppId = None,
    probes: Annotated[int, typer.Option(min=0, help="Most memories to search for by their own words.")] = 200,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for what should not be in a memory, and for what cannot be found.

    Secrets, contradictions, duplicates, stale memories and junk, of a scope or of everybody; a sample of memories is
    searched for by their own words. Nothing is changed and no secret shown. Exit code 1 when something is serious:
    a secret, a contradiction, or more than one memory in twenty not found.
    """
    ids = options.scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    with existing(path, embedder=embedder) as memory, progress_bar() as bar:
        task = bar.add_task("searching", total=None)
        audited = audit_of(memory, ids, probes=probes, tell=lambda: bar.advance(task))
    if as_json:
        print_json(audited.document())
    elif audited.memories:
        _print(audited)
    if not audited.memories:
        if not as_json:
            typer.echo("there are no memories to audit", err=True)
        raise typer.Exit(NOTHING_FOUND)
    if audited.serious:
        raise typer.Exit(NOTHING_FOUND)


def _print(audited: Audit) -> None:
    console = output()
    found = f"{audited.found:,} of {audited.probed:,}"
    counts = ((kind, f"{count:,}") for kind, count in audited.counts.items())
    print_pairs([("memories", f"{audited.memories:,}"), ("found by their own words", found), *counts])
    if console.is_terminal:
        _show(audited, console)
    else:
        for finding in audited.findings:
            print_fields(finding.kind, finding.id, finding.note, finding.text)
    verdict, style = ("serious", "bold red") if audited.serious else ("nothing serious", "bold green")
    console.print(f"score {audited.score:g} of 100, {verdict}", style=style)


def _show(audited: Audit, console: Console) -> None:
    shown: Counter[str] = Counter()
    grid = columns()
    for finding in audited.findings:
        shown[finding.kind] += 1
        if shown[finding.kind] <= _SHOWN:
            style = "bold red" if finding.kind in SERIOUS else "yellow"
            about = Text.assemble(one_line(finding.text)[:_TEXT], (f"\n{finding.id}\n{one_line(finding.note)}", "dim"))
            grid.add_row(Text(finding.kind, style=style), about)
    console.print(grid)
    hidden = sum(max(0, count - _SHOWN) for count in shown.values())
    if hidden:
        console.print(f"{counted(hidden, 'finding')} more: --json shows all", style="dim")
