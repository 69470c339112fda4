"""From entries to decisions: each is checked against the facts, the memories and the entries before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.extraction.facts import Decision, Fact, KnownMemory, Skipped
from holdfast.extraction.replies.entries import EVENT_KEYS, fields_of, index_in, number_in, refusal, text_under
from holdfast.records import Event

_EVENTS: dict[str, Event] = {
    **dict.fromkeys(("add", "added", "create", "insert", "new"), "ADD"),
    **dict.fromkeys(("update", "updated", "modify", "replace", "merge"), "UPDATE"),
    **dict.fromkeys(("delete", "deleted", "remove", "forget"), "DELETE"),
    **dict.fromkeys(("none", "noop", "nochange", "nothing", "keep", "unchanged", "ignore", "skip"), "NONE"),
}
_TARGET_KEYS = ("memory", "memory_id", "id")
_WORDING_KEYS = ("text", "new_memory", "content", "data", "value", "memory")


@dataclass(frozen=True, slots=True)
class _Wish:
    """One decision of the model; `fact` and `known` are indexes, `None` when they name nothing."""

    fact: int | None
    known: int | None
    text: str


class Plan:
    """The decisions so far; each entry is checked against those before it.

    Attributes:
        skipped: What was not obeyed.
        understood: Whether any entry was a decision.
    """

    def __init__(self, facts: Sequence[Fact], known: Sequence[KnownMemory]) -> None:
        self.skipped: list[Skipped] = []
        self.understood = False
        self._facts = [fact.text for fact in facts]
        self._words = [_words(fact.text) for fact in facts]
        self._known = [memory.text for memory in known]
        self._decisions: list[Decision] = []
        self._changed: dict[int, Event] = {}
        self._settled: set[int] = set()
        self._left: dict[int, int | None] = {}

    def take(self, item: object) -> None:
        """Obey one entry as far as it makes sense."""
        if item is None:
            return
        fields = fields_of(item)
        text = (item if isinstance(item, str) else _wording(fields)) or ""
        said = next((value for key in EVENT_KEYS if isinstance(value := fields.get(key), str)), "")
        event = _EVENTS.get(re.sub(r"[^a-z]", "", said.casefold()))
        if event is None:
            self._skip("unreadable", text, f"Its event is {said[:40]!r}.")
            return
        self.understood = True
        targets = (_named(fields.get(key), self._known) for key in _TARGET_KEYS)
        known = next((target for target in targets if target is not None), None)
        wish = _Wish(_named(fields.get("fact"), self._facts), known, text)
        {"ADD": self._add, "UPDATE": self._update, "DELETE": self._delete, "NONE": self._leave}[event](wish)

    def finished(self) -> list[Decision]:
        """Return all decisions; the facts without one are added."""
        updated = {one.fact for one in self._decisions if one.event == "UPDATE"}
        decisions = [one for one in self._decisions if one.event != "ADD" or one.fact not in updated]
        for index, text in enumerate(self._facts):
            if index in self._settled:
                continue
            if index in self._left:
                decisions.append(Decision("NONE", index, self._left[index], reason="known"))
            else:
                decisions.append(Decision("ADD", index, text=text))
        return decisions

    def _add(self, wish: _Wish) -> None:
        fact = wish.fact if wish.fact is not None else self._fact_behind(wish.text)
        if fact is None:
            self._skip("unrelated", wish.text, "It comes from none of the facts.")
        elif any(one.fact == fact and one.event != "DELETE" for one in self._decisions):
            self._skip("decided twice", wish.text or self._facts[fact])
        else:
            text = self._worded(wish.text, fact)
            if not _related(text, self._facts[fact]):
                self._skip("unrelated", text, "The fact was added in its own words.")
                text = self._facts[fact]
            self._decide(Decision("ADD", fact, text=text))

    def _update(self, wish: _Wish) -> None:
        fact = wish.fact if wish.fact is not None else self._fact_behind(wish.text)
        if fact is None:
            self._skip("unrelated", wish.text, "It comes from none of the facts.")
        elif wish.known is None or wish.known in self._changed:
            self._add(_Wish(fact, None, ""))
        else:
            text = self._worded(wish.text, fact)
            if _related(text, self._facts[fact], self._known[wish.known]):
                self._decide(Decision("UPDATE", fact, wish.known, text))
            else:
                self._skip("unrelated", text, "The memory was left alone and the fact added.")
                self._add(_Wish(fact, None, ""))

    def _delete(self, wish: _Wish) -> None:
        if wish.known is None:
            self._skip("unknown id", wish.text or self._said(wish.fact))
        elif wish.known in self._changed:
            self._skip("decided twice", self._known[wish.known])
            if wish.fact is not None and self._changed[wish.known] == "DELETE":
                self._settled.add(wish.fact)
        else:
            self._decide(Decision("DELETE", wish.fact, wish.known))

    def _leave(self, wish: _Wish) -> None:
        if wish.fact is not None:
            self._left.setdefault(wish.fact, wish.known)
            return
        # Mem0's form lists the memories that stay: a fact is known if one of them holds its every word.
        memory = _words(wish.text if wish.known is None else self._known[wish.known])
        for fact, words in enumerate(self._words):
            if words and words <= memory:
                self._left.setdefault(fact, wish.known)

    def _decide(self, decision: Decision) -> None:
        self._decisions.append(decision)
        if decision.known is not None:
            self._changed[decision.known] = decision.event
        if decision.fact is not None:
            self._settled.add(decision.fact)

    def _fact_behind(self, text: str) -> int | None:
        """Return the fact with the largest share of its words in `text`."""
        words = _words(text)
        shares = [len(words & own) / len(own) if own else 0.0 for own in self._words]
        best = max(shares, default=0.0)
        return shares.index(best) if best > 0 else None

    def _worded(self, text: str, fact: int) -> str:
        refused = refusal(text)
        if refused and refused.reason != "blank":
            self.skipped.append(refused)
        return self._facts[fact] if refused else text

    def _said(self, fact: int | None) -> str:
        return "" if fact is None else self._facts[fact]

    def _skip(self, reason: str, text: str, detail: str = "") -> None:
        self.skipped.append(Skipped(reason, text, detail))


def _wording(fields: dict[str, object]) -> str | None:
    # In our form "memory" is a number, in Mem0's it may be the text.
    return text_under({key: value for key, value in fields.items() if number_in(value) is None}, _WORDING_KEYS)


def _named(value: object, texts: Sequence[str]) -> int | None:
    """Return the index that `value` is or spells, or that of the text it repeats."""
    if isinstance(value, str) and number_in(value) is None:
        return next((index for index, text in enumerate(texts) if text.casefold() == value.strip().casefold()), None)
    return index_in(value, len(texts))


def _related(text: str, *others: str) -> bool:
    words = _words(text)
    return any(text.casefold() == other.casefold() or words & _words(other) for other in others)


# Scripts without spaces between words count by the character.
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+")
_EMPTY_WORD = re.compile(
    "the|and|but|for|from|with|has|had|have|was|were|are|been|that|this|his|her|their|its|about|into|than|then"
    "|users?|assistant|who|which|when|where|will|would|can|could|not|also|very"
)
_STEM_LENGTH = 4


def _words(text: str) -> set[str]:
    """Return the words that carry meaning, cut to stems so that forms of one word meet."""
    words = [word for word in _WORD.findall(text.casefold()) if not _EMPTY_WORD.fullmatch(word)]
    return {_stem(word) for word in words if len(word) > 2 or not word.isascii() or not word.isalpha()}  # noqa: PLR2004


def _stem(word: str) -> str:
    return word[:_STEM_LENGTH] if word.isalpha() else word
