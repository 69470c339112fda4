"""What a writer was told is stored, call by call: the truth that a file is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

_WHOLE_SCOPES = ("delete_all", "delete_users", "forget", "reset")


class Held(NamedTuple):
    """A memory as `get_all` shows it."""

    user: str
    text: str


@dataclass(frozen=True)
class Call:
    """One call of a writing verb, and what it changes when it is carried out whole.

    Attributes:
        gone: The ids of memories it deletes.
        new: Memories it adds or replaces; the id is `None` where the memory chooses it.
        erased: Whether no file may have the words of `gone` once it has returned.
    """

    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    new: tuple[tuple[str | None, str, str], ...] = ()
    erased: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Call:
        new = tuple((memory_id, user, text) for memory_id, user, text in stored["new"])
        return cls(stored["verb"], stored["arguments"], tuple(stored["gone"]), new, stored["erased"])


@dataclass
class Ledger:
    """The memories of one writer.

    Attributes:
        writer: A name; the writer's users are called after it, and its words have it in them.
        memories: What was acknowledged, by id.
        former: The text that `rollback` restores, by id; only where the writer knows it.
        erased: Texts that no file may hold.
        pending: The call that was started last, if it has not returned.
        spent: How many words the writer has used: no two memories have the same text.
        calls: How many calls have returned.
    """

    writer: str
    memories: dict[str, Held] = field(default_factory=dict)
    former: dict[str, Held] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    pending: Call | None = None
    spent: int = 0
    calls: int = 0

    def word(self) -> str:
        """Return a word that no other memory has."""
        self.spent += 1
        return f"{self.writer}w{self.spent}z"

    def user(self, kind: str) -> str:
        return f"{self.writer}-{kind}"

    def ids_of(self, *users: str) -> list[str]:
        """Return the ids of the memories of these users, oldest first."""
        return [memory_id for memory_id, held in self.memories.items() if held.user in users]

    def start(self, call: Call) -> None:
        self.pending = call

    def acknowledge(self, ids: Mapping[str, str]) -> None:
        """Carry out the pending call; `ids` has the new memories' ids by text."""
        call = self.pending
        if call is None:
            raise AssertionError("a call was acknowledged that was never started")
        self._carry_out(call, {text: ids.get(text, f"no id for {text}") for _, _, text in call.new})
        self.calls += 1

    def refuse(self) -> None:
        """Forget the pending call, which had no effect."""
        self.pending = None

    def settle(self, stored: Mapping[str, Held]) -> tuple[list[str], list[str]]:
        """Compare with what is stored; a pending call is carried out if all of it is there, else dropped.

        Returns:
            What was lost, and what else is wrong; both are empty when the file is right.
        """
        call, self.pending = self.pending, None
        if call is not None:
            ids = {held.text: memory_id for memory_id, held in stored.items() if memory_id not in self.memories}
            after = Ledger(self.writer, dict(self.memories), dict(self.former))
            after._carry_out(call, {text: ids.get(text, "") for _, _, text in call.new})
            if after.memories == stored:
                self._carry_out(call, ids, is_acknowledged=False)
                return [], []
        return self._differences(stored, call)

    def _carry_out(self, call: Call, ids: Mapping[str, str], *, is_acknowledged: bool = True) -> None:
        if call.verb in _WHOLE_SCOPES:
            self._forget_former(call, is_acknowledged=is_acknowledged)
        for memory_id in call.gone:
            held = self.memories.pop(memory_id)
            self.former.pop(memory_id, None)
            if call.erased and is_acknowledged:
                self.erased.add(held.text)
            elif call.verb == "delete":
                self.former[memory_id] = held
        for known_id, user, text in call.new:
            memory_id = ids[text] if known_id is None else known_id
            if memory_id in self.memories:
                self.former[memory_id] = self.memories[memory_id]
            else:
                self.former.pop(memory_id, None)
            self.memories[memory_id] = Held(user, text)
        self.pending = None

    def _forget_former(self, call: Call, *, is_acknowledged: bool) -> None:
        """Let go of the former states of the memories of a scope, deleted ones included."""
        user = call.arguments.get("user_id")
        for memory_id, held in list(self.former.items()):
            if user in (None, held.user):
                del self.former[memory_id]
                if call.erased and is_acknowledged:
                    self.erased.add(held.text)

    def _differences(self, stored: Mapping[str, Held], call: Call | None) -> tuple[list[str], list[str]]:
        verb = "no call" if call is None else call.verb
        lost = [
            f"{memory_id} {held} is missing ({verb} was under way)"
            for memory_id, held in self.memories.items()
            if memory_id not in stored
        ]
        wrong = [
            f"{memory_id} is {held}, not {self.memories.get(memory_id)} ({verb} was under way)"
            for memory_id, held in stored.items()
            if self.memories.get(memory_id) != held
        ]
        return lost, wrong
