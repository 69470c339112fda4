"""What must hold of a store after any fault that leaves the file whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.torture.calls import everything
from tests.torture.ledger import Held, Ledger
from tests.torture.tally import Tally

_SUFFIXES = ("", "-wal", "-shm", ".index")


def check_store(memory, ledgers: Sequence[Ledger], tally: Tally, where: str) -> None:
    """Check that the store holds what was acknowledged, each call whole or not at all, and that searches find it."""
    stored = everything(memory)
    for ledger in ledgers:
        of_writer = memories_of(stored, ledger)
        tally.report(*ledger.settle(of_writer), where)
        ledger.memories = dict(of_writer)  # each fault is counted once
    others = {one for ledger in ledgers for one in memories_of(stored, ledger)}
    tally.report([], [f"{held} belongs to no writer" for one, held in stored.items() if one not in others], where)
    check_searches(memory, stored, tally, where)
    report = memory.doctor()
    if not report["healthy"]:
        tally.report([], [f"doctor found {report['problems'][:5]}"], where)


def check_searches(memory, stored: Mapping[str, Held], tally: Tally, where: str) -> None:
    """Check that a search of each user finds exactly what is listed."""
    for user in {held.user for held in stored.values()}:
        found = memory.search("tea Well I live in", user_id=user, limit=1000)["results"]
        shown = {item["id"]: Held(item["user_id"], item["memory"]) for item in found}
        listed = {one: held for one, held in stored.items() if held.user == user}
        missing = [f"search does not find {one} {held}" for one, held in listed.items() if one not in shown]
        foreign = [f"search shows {one} {held}" for one, held in shown.items() if listed.get(one) != held]
        tally.report(missing, foreign, where)


def check_erased(path: Path, ledgers: Sequence[Ledger], tally: Tally, where: str) -> None:
    """Check that no file has a word of what was erased; the store must be closed."""
    content = b"".join(file.read_bytes() for suffix in _SUFFIXES if (file := Path(f"{path}{suffix}")).exists())
    for ledger in ledgers:
        found = [text for text in ledger.erased if text.encode() in content]
        tally.report([], [f"erased words are still in the file: {text}" for text in found], where)
        ledger.erased.clear()


def memories_of(stored: Mapping[str, Held], ledger: Ledger) -> dict[str, Held]:
    return {one: held for one, held in stored.items() if held.user.startswith(f"{ledger.writer}-")}
