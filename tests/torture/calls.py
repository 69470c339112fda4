"""Random calls of every writing verb, each with what it must change."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.torture.ledger import Call, Held, Ledger

from holdfast import HashingEmbedder, Memory
from holdfast.operations import verbs

HASHING = {"provider": "hashing", "config": {"dimensions": 64}}


def open_memory(path, **options) -> Memory:
    """Open the store at `path` with the embedder it has, a new one with vectors of 64 dimensions."""
    new = {} if path.exists() else {"embedder": HASHING}
    return Memory(path, llm="rules", **new, **options)


# Each of these returns a call that `ledger` allows now, or `None`.

Plan = Callable[[Ledger, random.Random], "Call | None"]
NOTES = ("ann", "bob")  # users whose memories are written one by one
SCOPES = (*NOTES, "home", "talk")


def add(ledger: Ledger, chance: random.Random) -> Call:
    user = ledger.user(chance.choice(NOTES))
    texts = [f"note {ledger.word()} about tea" for _ in range(chance.randrange(1, 4))]
    messages = [{"role": chance.choice(("user", "assistant")), "content": text} for text in texts]
    new = tuple((None, user, text) for text in texts)
    return Call("add", {"messages": messages, "user_id": user, "infer": False}, new=new)


def add_by_rules(ledger: Ledger, _: random.Random) -> Call:
    user, text = ledger.user("home"), f"I live in {ledger.word().title()}."
    (home,) = ledger.ids_of(user) or [None]
    return Call("add", {"messages": text, "user_id": user}, new=((home, user, text),))


def add_with_turns(ledger: Ledger, _: random.Random) -> Call:
    user, fact = ledger.user("talk"), f"I live in {ledger.word().title()}."
    homes = [one for one in ledger.ids_of(user) if ledger.memories[one].text.startswith("I live")]
    said = f"Well, {fact}"
    new = ((homes[0] if homes else None, user, fact), (None, user, said))
    return Call("add", {"messages": said, "user_id": user, "keep_turns": True}, new=new)


def put(ledger: Ledger, chance: random.Random) -> Call:
    user = ledger.user(chance.choice(NOTES))
    known = [memory_id for memory_id in ledger.ids_of(user) if memory_id.startswith("doc")]
    # A new name each time: what was put, deleted and put again has a history that `rollback` reads differently.
    ids = [*chance.sample(known, min(2, len(known))), *(f"doc-{ledger.word()}" for _ in range(2))]
    removed = tuple(chance.sample(others, 1)) if (others := [one for one in known if one not in ids]) else ()
    new = tuple((memory_id, user, f"page {ledger.word()} about tea") for memory_id in ids)
    documents = [{"memory_id": memory_id, "text": text} for memory_id, _, text in new]
    return Call("put", {"documents": documents, "user_id": user, "remove": list(removed)}, removed, new)


def update(ledger: Ledger, chance: random.Random) -> Call | None:
    chosen = _some_notes(ledger, chance, most=1)
    if not chosen:
        return None
    (change,) = _reworded(ledger, chosen)
    return Call("update", {"memory_id": change[0], "text": change[2]}, new=(change,))


def batch_update(ledger: Ledger, chance: random.Random) -> Call | None:
    new = _reworded(ledger, _some_notes(ledger, chance, most=5))
    changes = [{"memory_id": memory_id, "text": text} for memory_id, _, text in new]
    return Call("batch_update", {"memories": changes}, new=new) if new else None


def rollback(ledger: Ledger, chance: random.Random) -> Call | None:
    notes = {memory_id: held for memory_id, held in ledger.former.items() if _is_note(ledger, held)}
    if not notes:
        return None
    memory_id, held = chance.choice(list(notes.items()))
    return Call("rollback", {"memory_id": memory_id}, new=((memory_id, *held),))


def delete(ledger: Ledger, chance: random.Random) -> Call | None:
    chosen = _some_notes(ledger, chance, most=1)
    return Call("delete", {"memory_id": chosen[0]}, tuple(chosen)) if chosen else None


def batch_delete(ledger: Ledger, chance: random.Random) -> Call | None:
    chosen = _some_notes(ledger, chance, most=4)
    return Call("batch_delete", {"memories": chosen}, tuple(chosen)) if chosen else None


def delete_all(ledger: Ledger, chance: random.Random) -> Call:
    user = _user(ledger, chance)
    return Call("delete_all", {"user_id": user}, tuple(ledger.ids_of(user)))


def erase_all(ledger: Ledger, chance: random.Random) -> Call:
    user = _user(ledger, chance)
    return Call("delete_all", {"user_id": user, "erase": True}, tuple(ledger.ids_of(user)), erased=True)


def delete_users(ledger: Ledger, chance: random.Random) -> Call | None:
    user = _user(ledger, chance)
    gone = tuple(ledger.ids_of(user))
    return Call("delete_users", {"user_id": user}, gone, erased=True) if gone else None


def forget(ledger: Ledger, chance: random.Random) -> Call:
    user = _user(ledger, chance)
    return Call("forget", {"user_id": user}, tuple(ledger.ids_of(user)), erased=True)


def prune_history(ledger: Ledger, chance: random.Random) -> Call:
    return Call("prune_history", {"keep": 1, "user_id": _user(ledger, chance)})


def doctor(_: Ledger, chance: random.Random) -> Call:
    return Call("doctor", {"repair": chance.random() < 0.5})


def reembed(_: Ledger, chance: random.Random) -> Call:
    return Call("reembed", {"dimensions": chance.choice((32, 64)), "batch_size": 50})


def reset(ledger: Ledger, _: random.Random) -> Call:
    return Call("reset", gone=tuple(ledger.memories), erased=True)


PLANS: Mapping[str, tuple[Plan, ...]] = {
    "add": (add, add_by_rules, add_with_turns),
    "put": (put,),
    "update": (update,),
    "batch_update": (batch_update,),
    "rollback": (rollback,),
    "delete": (delete,),
    "batch_delete": (batch_delete,),
    "delete_all": (delete_all, erase_all),
    "delete_users": (delete_users,),
    "forget": (forget,),
    "prune_history": (prune_history,),
    "doctor": (doctor,),
    "reembed": (reembed,),
    "reset": (reset,),
}
"""The plans of every writing verb."""

WRITING = [verb.name for verb in verbs.VERBS if verb.writes]
SHARED = [name for name in WRITING if name != "reset"]
"""The verbs that leave the memories of other writers alone."""

_DELETING = ("delete_all", "delete_users", "forget")


def plan(ledger: Ledger, chance: random.Random, names: list[str], favourite: str | None = None) -> Call:
    """Return a random call of one of these verbs, every third time of the favourite one.

    Verbs that delete a whole scope are rarer than the others, so that there is something to lose.
    """
    while True:
        name = favourite if favourite and chance.random() < 0.35 else chance.choice(names)
        if name in _DELETING and name != favourite and chance.random() < 0.7:
            continue
        call = chance.choice(PLANS[name])(ledger, chance)
        if call is not None:
            return call


def perform(memory, call: Call) -> Any:
    """Make the call; return what it returned."""
    arguments = dict(call.arguments)
    if call.verb == "reembed":
        arguments["embedder"] = HashingEmbedder(dimensions=arguments.pop("dimensions"))
    return getattr(memory, call.verb)(**arguments)


def new_ids(call: Call, result: Any) -> dict[str, str]:
    """Return the ids that an `add` has chosen, by text."""
    if call.verb != "add":
        return {}
    return {item["memory"]: item["id"] for item in [*result["results"], *result.get("turns", ())]}


def everything(memory) -> dict[str, Held]:
    """Return every memory of every user, by id."""
    found = memory.get_all(filters={"user_id": "*"}, limit=1_000_000)["results"]
    return {item["id"]: Held(item["user_id"], item["memory"]) for item in found}


def _is_note(ledger: Ledger, held: Held) -> bool:
    return held.user in [ledger.user(name) for name in NOTES]


def _user(ledger: Ledger, chance: random.Random) -> str:
    return ledger.user(chance.choice(SCOPES))


def _some_notes(ledger: Ledger, chance: random.Random, *, most: int) -> list[str]:
    notes = ledger.ids_of(*map(ledger.user, NOTES))
    return chance.sample(notes, min(chance.randrange(1, most + 1), len(notes)))


def _reworded(ledger: Ledger, memory_ids: list[str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((one, ledger.memories[one].user, f"note {ledger.word()} about tea") for one in memory_ids)
