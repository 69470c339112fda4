"""`doctor`: check and repair the store. `reembed`: compute the vectors of all memories again."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.file_import import make_progress_bar
from holdfast_cli.open_store import open_existing
from holdfast_cli.output import format_count, print_json, print_pairs, print_table, stdout_console


def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Move damaged memories out of the way, rebuild the index.")
    ] = False,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Check the whole store, and repair it with --repair.

    Compares the tables with their definitions, every memory and setting with its checksum, and the index with the
    store. Exit code 1 if something is wrong. Give --embedder if the store has lost the name of its embedder.
    """
    with open_existing(path, embedder=embedder) as memory:
        diagnosis = memory.doctor(repair=repair)
        is_healthy = diagnosis["healthy"] or (repair and memory.doctor()["healthy"])
        engines = {role: name for role, name in memory.engines.items() if name is not None}
    if as_json:
        print_json(diagnosis)
    else:
        counts = {name: f"{diagnosis[name]:,}" for name in ("memories", "duplicates", "repaired")}
        print_pairs({**engines, **counts}.items())
        if diagnosis["problems"]:
            print_table(("memory", "problem"), [(item["id"] or "-", item["problem"]) for item in diagnosis["problems"]])
        _print_verdict(is_healthy=is_healthy, had_problems=not diagnosis["healthy"], repaired=repair)
    if not is_healthy:
        raise typer.Exit(NOTHING_FOUND)


def reembed(
    *,
    embedder: options.Embedder = None,
    batch_size: Annotated[int, typer.Option(help="Memories per call of the embedder, 1 to 10,000.")] = 100,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Compute the vectors of all memories again, with another embedder or with the same one.

    The store uses the old vectors until all new ones are computed. If the command is interrupted, run it again to
    continue. Without --embedder it computes vectors and keywords with the store's own embedder.
    """
    with open_existing(path) as memory, make_progress_bar() as bar:
        task = bar.add_task("embedding", total=None)
        result = memory.reembed(
            embedder,
            batch_size=batch_size,
            progress=lambda number, total: bar.update(task, completed=number, total=total),
        )
    if as_json:
        print_json(result)
    else:
        stdout_console().print(
            f"{format_count(result['count'], 'memory')} embedded with {result['embedder']}", style="green"
        )


def _print_verdict(*, is_healthy: bool, had_problems: bool, repaired: bool) -> None:
    if not is_healthy and repaired:
        stdout_console().print("still not healthy: each problem above says what to do", style="bold red")
    elif not is_healthy:
        stdout_console().print(
            "not healthy: holdfast doctor --repair repairs what it can and moves damaged memories out of the way",
            style="bold red",
        )
    else:
        stdout_console().print("repaired" if had_problems else "healthy", style="bold green")
