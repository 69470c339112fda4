"""Try to break what Holdfast promises, with real processes and a real file system: `make torture`.

Prints a table of what was tried, lost and wrong; the exit status is 1 when anything was.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.cancellations import cancel_calls
from tests.torture.damages import EXCHANGES, FLIPS, damage_files
from tests.torture.disks import fill_disks
from tests.torture.interrupts import interrupt_threads
from tests.torture.kills import kill_writers
from tests.torture.races import race
from tests.torture.tally import Tally

KINDS: dict[str, tuple[int, Callable[..., Tally]]] = {
    "kills": (1000, lambda folder, count, seed: kill_writers(folder, kills=count, seed=seed)),
    "flips": (
        10_000,
        lambda folder, count, seed: damage_files(folder, kind="flipped bits", ways=FLIPS, count=count, seed=seed),
    ),
    "files": (
        1_000,
        lambda folder, count, seed: damage_files(
            folder, kind="files cut, removed, exchanged or restored", ways=EXCHANGES, count=count, seed=seed
        ),
    ),
    "disks": (200, lambda folder, count, seed: fill_disks(folder, disks=count, seed=seed)),
    "races": (16_000, lambda folder, count, seed: race(folder, operations=count, seed=seed)),
    "interrupts": (500, lambda folder, count, seed: interrupt_threads(folder, interrupts=count, seed=seed)),
    "cancellations": (5, lambda folder, count, seed: cancel_calls(folder, rounds=count, seed=seed)),
}
"""How many of each kind a default run tries, and what tries them."""

_QUICK = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(prog="make torture ARGS=...", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one twentieth of everything")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of everything; 1 is the default run")
    parser.add_argument("--only", choices=KINDS, action="append", help="one kind; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of all random choices")
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary folder by default")
    options = parser.parse_args()
    scale = _QUICK if options.quick else options.scale
    logging.getLogger("holdfast").setLevel(logging.CRITICAL)  # it warns of each index that it makes again
    tallies = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for kind in options.only or KINDS:
            count, run = KINDS[kind]
            print(f"{kind}: {max(1, round(count * scale)):,}, seed {options.seed}", file=sys.stderr, flush=True)
            started = time.monotonic()
            (place := Path(folder) / kind).mkdir()
            tallies.append(run(place, max(1, round(count * scale)), options.seed))
            print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print("| fault | tried | lost | wrong | of which |\n|---|---|---|---|---|")
    for tally in tallies:
        print(tally.row())
    for tally in tallies:
        if not tally.is_clean:
            print(f"\n{tally.kind}:\n{tally.failures()}")
    return 0 if all(tally.is_clean for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
