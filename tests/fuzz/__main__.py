"""`make fuzz`: call every target with inputs of every shape, and print how many ran and what failed.

make fuzz                        # a million inputs
make fuzz ARGS="--inputs 50000"  # fewer
make fuzz ARGS="--only put"      # the targets whose name has this word
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.fuzz.targets import TARGETS, run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the runs of one target gave: how many calls, in how many seconds, and a traceback if one failed."""

    name: str
    calls: int
    seconds: float
    failure: str


def main() -> int:
    """Run the targets; return 1 if a call failed."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="inputs in total")
    parser.add_argument("--only", default="", help="only targets whose name has this word")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--processes", type=int, default=None)
    options = parser.parse_args()
    places = [place for place, target in enumerate(TARGETS) if options.only in target.name]
    # Some targets have few inputs, such as a verb without arguments: the others make up for them.
    count = -(-options.inputs * 12 // (10 * max(len(places), 1)))
    print(f"seed {options.seed}: {count:,} inputs for each of {len(places)} targets")
    outcomes = []
    with ProcessPoolExecutor(options.processes) as processes:
        for outcome in processes.map(_run, places, [count] * len(places), [options.seed] * len(places)):
            verdict = "FAILED" if outcome.failure else ""
            print(f"{outcome.name:25} {outcome.calls:10,} calls {outcome.seconds:8.1f} s {verdict}", flush=True)
            outcomes.append(outcome)
    failures = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failures:
        print(f"\n{outcome.name}:\n{outcome.failure}")
    print(f"\n{sum(outcome.calls for outcome in outcomes):,} inputs, {len(failures)} targets failed")
    return int(bool(failures))


def _run(place: int, count: int, number: int) -> Outcome:
    logging.disable(logging.CRITICAL)
    target, begin, failure, calls = TARGETS[place], time.monotonic(), "", [0]
    try:
        run(target, count, number=number, calls=calls)
    except Exception:  # noqa: BLE001 - it is reported, and the other targets go on
        failure = traceback.format_exc()
    return Outcome(target.name, calls[0], time.monotonic() - begin, failure)


if __name__ == "__main__":
    sys.exit(main())
