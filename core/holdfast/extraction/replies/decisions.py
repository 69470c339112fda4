"""From entries to decisions: each is checked against the facts, the memories and the entries before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.extraction import rules
from holdfast.extraction.facts import Decision, Fact, SimilarMemory, Skipped
from holdfast.extraction.replies.entries import (
    EVENT_KEYS,
    check_text,
    normalised_fields,
    read_index,
    read_number,
    read_text,
)
from holdfast.records import Event

_EVENTS: dict[str, Event] = {
    **dict.fromkeys(("add", "added", "create", "insert", "new"), "ADD"),
    **dict.fromkeys(("update", "updated", "modify", "replace", "merge"), "UPDATE"),
    **dict.fromkeys(("delete", "deleted", "remove", "forget"), "DELETE"),
    **dict.fromkeys(("none", "noop", "nochange", "nothing", "keep", "unchanged", "ignore", "skip"), "NONE"),
}
_MEMORY_KEYS = ("memory", "memory_id", "id")
_NEW_TEXT_KEYS = ("text", "new_memory", "content", "data", "value", "memory")


@dataclass(frozen=True, slots=True)
class _Proposal:
    """One decision as the model proposes it; `fact` and `known` are indexes, `None` when they name nothing."""

    fact: int | None
    known: int | None
    text: str


class DecisionPlan:
    """The decisions so far; each entry is checked against those before it.

    Attributes:
        skipped: Entries that were refused.
        is_understood: Whether any entry was a decision.
    """

    def __init__(self, facts: Sequence[Fact], known: Sequence[SimilarMemory]) -> None:
        self.skipped: list[Skipped] = []
        self.is_understood = False
        self._facts = [fact.text for fact in facts]
        self._fact_words = [rules.content_words(fact.text) for fact in facts]
        self._known = [memory.text for memory in known]
        self._decisions: list[Decision] = []
        self._changed: dict[int, Event] = {}  # known memories with a decision
        self._decided: set[int] = set()  # facts with a decision
        self._unchanged: dict[int, int | None] = {}  # facts that say nothing new, with the memory that says it

    def add(self, item: object) -> None:
        """Follow one entry as far as it makes sense."""
        if item is None:
            return
        fields = normalised_fields(item)
        text = (item if isinstance(item, str) else _read_new_text(fields)) or ""
        word = next((value for key in EVENT_KEYS if isinstance(value := fields.get(key), str)), "")
        event = _EVENTS.get(re.sub(r"[^a-z]", "", word.casefold()))
        if event is None:
            self._skip("unreadable", text, f"Its event is {word[:40]!r}.")
            return
        self.is_understood = True
        targets = (_find_named(fields.get(key), self._known) for key in _MEMORY_KEYS)
        known = next((target for target in targets if target is not None), None)
        proposal = _Proposal(_find_named(fields.get("fact"), self._facts), known, text)
        follow = {"ADD": self._add, "UPDATE": self._update, "DELETE": self._delete, "NONE": self._leave_unchanged}
        follow[event](proposal)

    def complete(self) -> list[Decision]:
        """Return all decisions, with an ADD for each fact that has none."""
        updated = {one.fact for one in self._decisions if one.event == "UPDATE"}
        decisions = [one for one in self._decisions if one.event != "ADD" or one.fact not in updated]
        for index, text in enumerate(self._facts):
            if index in self._decided:
                continue
            if index in self._unchanged:
                decisions.append(Decision("NONE", index, self._unchanged[index], reason="known"))
            else:
                decisions.append(Decision("ADD", index, text=text))
        return decisions

    def _add(self, proposal: _Proposal) -> None:
        fact = proposal.fact if proposal.fact is not None else self._find_fact(proposal.text)
        if fact is None:
            self._skip("unrelated", proposal.text, "It comes from none of the facts.")
        elif any(one.fact == fact and one.event != "DELETE" for one in self._decisions):
            self._skip("decided twice", proposal.text or self._facts[fact])
        else:
            text = self._usable_text(proposal.text, fact)
            if not _are_related(text, self._facts[fact]):
                self._skip("unrelated", text, "The fact was added in its own words.")
                text = self._facts[fact]
            self._decide(Decision("ADD", fact, text=text))

    def _update(self, proposal: _Proposal) -> None:
        fact = proposal.fact if proposal.fact is not None else self._find_fact(proposal.text)
        if fact is None:
            self._skip("unrelated", proposal.text, "It comes from none of the facts.")
        elif proposal.known is None or proposal.known in self._changed:
            self._add(_Proposal(fact, None, ""))
        else:
            text = self._usable_text(proposal.text, fact)
            if _are_related(text, self._facts[fact], self._known[proposal.known]):
                self._decide(Decision("UPDATE", fact, proposal.known, text))
            else:
                self._skip("unrelated", text, "The memory was left alone and the fact added.")
                self._add(_Proposal(fact, None, ""))

    def _delete(self, proposal: _Proposal) -> None:
        if proposal.known is None:
            self._skip("unknown id", proposal.text or self._fact_text(proposal.fact))
        elif proposal.known in self._changed:
            self._skip("decided twice", self._known[proposal.known])
            if proposal.fact is not None and self._changed[proposal.known] == "DELETE":
                self._decided.add(proposal.fact)
        else:
            self._decide(Decision("DELETE", proposal.fact, proposal.known))

    def _leave_unchanged(self, proposal: _Proposal) -> None:
        if proposal.fact is not None:
            self._unchanged.setdefault(proposal.fact, proposal.known)
            return
        # Mem0's form lists the memories that stay; a fact is known if one of them contains all of its words.
        memory = rules.content_words(proposal.text if proposal.known is None else self._known[proposal.known])
        for fact, words in enumerate(self._fact_words):
            if words and words <= memory:
                self._unchanged.setdefault(fact, proposal.known)

    def _decide(self, decision: Decision) -> None:
        self._decisions.append(decision)
        if decision.known is not None:
            self._changed[decision.known] = decision.event
        if decision.fact is not None:
            self._decided.add(decision.fact)

    def _find_fact(self, text: str) -> int | None:
        """Return the fact with the largest share of its words in `text`."""
        words = rules.content_words(text)
        shares = [len(words & own) / len(own) if own else 0.0 for own in self._fact_words]
        best = max(shares, default=0.0)
        return shares.index(best) if best > 0 else None

    def _usable_text(self, text: str, fact: int) -> str:
        """Return `text`, or the fact's own if a memory cannot have it."""
        refused = check_text(text)
        if refused and refused.reason not in ("blank", "placeholder"):
            self.skipped.append(refused)
        return self._facts[fact] if refused else text

    def _fact_text(self, fact: int | None) -> str:
        return "" if fact is None else self._facts[fact]

    def _skip(self, reason: str, text: str, detail: str = "") -> None:
        self.skipped.append(Skipped(reason, text, detail))


def _read_new_text(fields: dict[str, object]) -> str | None:
    # In our form "memory" is a number, in Mem0's it may be the text.
    return read_text({key: value for key, value in fields.items() if read_number(value) is None}, _NEW_TEXT_KEYS)


def _find_named(value: object, texts: Sequence[str]) -> int | None:
    """Return the index that `value` is or spells, or that of the text it repeats."""
    if isinstance(value, str) and read_number(value) is None:
        return next((index for index, text in enumerate(texts) if text.casefold() == value.strip().casefold()), None)
    return read_index(value, len(texts))


def _are_related(text: str, *others: str) -> bool:
    """Return whether `text` shares a word with one of `others`: what shares none is no new wording of it."""
    words = rules.content_words(text)
    return any(text.casefold() == other.casefold() or words & rules.content_words(other) for other in others)
