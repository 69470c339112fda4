"""`doctor`: is the store sound? `reembed`: another embedder for all it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast_cli import options
from holdfast_cli.failures import NOTHING_FOUND
from holdfast_cli.importing import progress_bar
from holdfast_cli.printing import counted, output, print_json, print_pairs, print_table
from holdfast_cli.stores import existing


def doctor(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Set damaged memories aside, rebuild the index.")] = False,
    embedder: options.Embedder = None,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Check the whole store, and repair it if told to.

    The tables are compared with how they were made, every memory and setting with its checksum and the index with the
    store; exit code 1 when something is wrong. --embedder is for a store that has lost which one it was built with.
    """
    with existing(path, embedder=embedder) as memory:
        diagnosis = memory.doctor(repair=repair)
        sound = diagnosis["healthy"] or (repair and memory.doctor()["healthy"])
        engines = {role: name for role, name in memory.engines.items() if name is not None}
    if as_json:
        print_json(diagnosis)
    else:
        counts = {name: f"{diagnosis[name]:,}" for name in ("memories", "duplicates", "repaired")}
        print_pairs({**engines, **counts}.items())
        if diagnosis["problems"]:
            print_table(("memory", "problem"), [(item["id"] or "-", item["problem"]) for item in diagnosis["problems"]])
        _print_verdict(sound=sound, found=not diagnosis["healthy"], repaired=repair)
    if not sound:
        raise typer.Exit(NOTHING_FOUND)


def reembed(
    *,
    embedder: options.Embedder = None,
    batch_size: Annotated[int, typer.Option(help="Memories embedded in one call, 1 to 10,000.")] = 100,
    path: options.Path = None,
    as_json: options.AsJson = False,
) -> None:
    """Give every memory the vector of another embedder.

    The store works on with the old vectors until all new ones are there; when it is interrupted, the same command goes
    on where it stopped. Without --embedder the vectors, and the words, are made anew with the one the store has.
    """
    with existing(path) as memory, progress_bar() as bar:
        task = bar.add_task("embedding", total=None)
        done = memory.reembed(
            embedder,
            batch_size=batch_size,
            progress=lambda number, total: bar.update(task, completed=number, total=total),
        )
    if as_json:
        print_json(done)
    else:
        output().print(f"{counted(done['count'], 'memory')} embedded with {done['embedder']}", style="green")


def _print_verdict(*, sound: bool, found: bool, repaired: bool) -> None:
    if not sound and repaired:
        output().print("still not healthy: each problem says what it takes", style="bold red")
    elif not sound:
        output().print(
            "not healthy: holdfast doctor --repair mends what can be, and sets aside what is damaged", style="bold red"
        )
    else:
        output().print("repaired" if found else "healthy", style="bold green")
