"""What the texts of memories show by themselves: duplicates, contradictions, stale ones, junk, secrets. Pure.

Every check takes memories as `get_all` returns them, newest first.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from holdfast import MemoryItem, Slot, slots_of
from holdfast_cli.audits.secrets import redacted, secrets_in

Kind = Literal["secret", "contradiction", "unfindable", "duplicate", "near-duplicate", "stale", "junk"]
STALE = timedelta(days=90)
"""How long a memory may go unchanged beside a newer one of the same property before it is stale."""

_NEAR = 0.8  # share of the words two memories say that both of them say
_MOST_COMPARED = 50  # earlier memories per shared word
_MOST_STATED = 20  # later statements of one property
_LEAST_WORDS = 2
_LEAST_SIGNS = 3

_WORD = re.compile(r"\w+(?:'\w+)?")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FUNCTION_WORDS = frozenset("a an the i i'm i've am is are was be has have had my user user's to of s".split())
_DENIALS = frozenset("not never no without don't doesn't didn't isn't can't cannot won't nicht kein keine".split())

_PLEASANTRIES = (
    r"hi+|hello|hey+|thanks?(?: you)?(?: so much| a lot)?|bye|goodbye|ok(?:ay)?|yes|no|sure|great|cool|nice|awesome|wow"
    r"|got it|sounds good|will do|you're welcome|good (?:morning|evening|night)|test(?:ing)?|there|again"
)
_BOILERPLATE = re.compile(
    rf"\W*(?:(?:{_PLEASANTRIES})\b\W*)*"
    r"|(?:null|none|n/?a|nan|undefined|unknown|todo)\W*"
    r"|lorem ipsum.*|as an ai\b.*|i'?m sorry,? but i (?:can't|cannot)\b.*|how (?:can|may) i (?:help|assist)\b.*"
    r"|you are an? (?:helpful )?(?:ai )?assistant\b.*|no (?:new |relevant )?(?:facts|information|memories)\b.*"
    r"|(?:the )?user (?:said|says) (?:hi|hello|hey|thanks|thank you|goodbye)\W*|<recalled-memory>.*|\{.*\"facts\".*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one memory that somebody should look at.

    Attributes:
        kind: What it is.
        id: The memory's id.
        text: What it says, secrets left out.
        note: Why it was found.
        other: The id of the memory it is a duplicate of or disagrees with.
    """

    kind: Kind
    id: str
    text: str
    note: str
    other: str | None = None


def secrets(items: Iterable[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories whose text or metadata holds a key, a password or a card number."""
    for item in items:
        metadata = json.dumps(item["metadata"], ensure_ascii=False) if item["metadata"] else ""
        kinds = [secret.kind for part in (item["memory"], metadata) for secret in secrets_in(part)]
        if kinds:
            yield finding("secret", item, ", ".join(dict.fromkeys(kinds)))


def likenesses(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories that say what an earlier one of the same owner says, in the same words or nearly so."""
    for group in _by_owner(items):
        first: dict[str, MemoryItem] = {}
        for item in group:
            twin = first.setdefault(plain(item["memory"]), item)
            if twin is not item:
                yield finding("duplicate", item, f"the same as {twin['id']}", other=twin["id"])
        yield from _near(list(first.values()))


def disagreements(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories that a newer one of the same voice gainsays: contradictions, or stale ones after 90 days.

    Only properties that have one value at a time count, as the key-free rules read them (in English).
    """
    stated: dict[tuple[Any, ...], list[tuple[MemoryItem, Slot]]] = defaultdict(list)
    for item in _oldest_first(items, lambda item: item["updated_at"]):
        for slot in slots_of(item["memory"], speaker=item.get("speaker")):
            stated[(_voice(item), slot.subject.relation or slot.subject.name, slot.property)].append((item, slot))
    for group in stated.values():
        for place, (item, slot) in enumerate(group):
            newer = [later for later in group[place + 1 :][-_MOST_STATED:] if _disagree(slot, later[1])]
            if newer:
                yield _disagreement(item, slot, *newer[-1])


def junk(items: Iterable[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories that say nothing: too short, greetings, thanks, refusals, placeholders, prompts."""
    for item in items:
        text = plain(item["memory"])
        if _BOILERPLATE.fullmatch(text):
            yield finding("junk", item, "boilerplate")
        elif len(_words(text)) < _LEAST_WORDS and (not _UNSPACED.search(text) or len(text) < _LEAST_SIGNS):
            yield finding("junk", item, "too short to say anything")


def finding(kind: Kind, item: MemoryItem, note: str, *, other: str | None = None) -> Finding:
    """Return a finding that shows no secret."""
    return Finding(kind, item["id"], redacted(item["memory"]), redacted(note), other)


def plain(text: str) -> str:
    """Return `text` as it compares with others: one line, letter case and closing punctuation aside."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split()).rstrip(" .!")


def _owner_of(item: MemoryItem) -> tuple[str | None, ...]:
    """Return whose memory it is; a session is an owner only where nobody else is named."""
    ids = (item.get("user_id"), item.get("agent_id"), item.get("app_id"))
    return (*ids, None if any(ids) else item.get("run_id"))


def _voice(item: MemoryItem) -> tuple[str | None, ...]:
    return (*_owner_of(item), item.get("speaker"), item.get("attributed_to"))


def _by_owner(items: Sequence[MemoryItem]) -> Iterable[list[MemoryItem]]:
    groups: dict[tuple[str | None, ...], list[MemoryItem]] = defaultdict(list)
    for item in _oldest_first(items, lambda item: item["created_at"]):
        groups[_owner_of(item)].append(item)
    return groups.values()


def _oldest_first(items: Sequence[MemoryItem], when: Callable[[MemoryItem], str]) -> list[MemoryItem]:
    """Return `items`, newest first as `get_all` has them, by time; what happened at one time keeps its order."""
    return sorted(items, key=lambda item: _moment(when(item)), reverse=True)[::-1]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Likeness -----------------------------------------------------------------------------------------------------


def _near(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield those whose words are nearly the words of an earlier one.

    Two sets of words that share 80 % share one of the rarest 20 % of each: only such pairs are compared.
    """
    said = [frozenset(_words(plain(item["memory"]))) - _FUNCTION_WORDS for item in items]
    commonness = Counter(word for words in said for word in words)
    earlier: dict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(said):
        rarest = sorted(words, key=lambda word: (commonness[word], word))
        rarest = rarest[: len(words) - math.ceil(_NEAR * len(words)) + 1]
        others = {other for word in rarest for other in earlier[word][-_MOST_COMPARED:]}
        alike = [other for other in others if _alike(words, said[other])]
        if alike and words:
            first = items[min(alike)]
            yield finding("near-duplicate", items[place], f"much like {first['id']}", other=first["id"])
        for word in rarest:
            earlier[word].append(place)


def _alike(words: frozenset[str], others: frozenset[str]) -> bool:
    apart = words ^ others
    # "at 10:40" and "at 11:40" are two things, and so are "can" and "cannot".
    if any(word in _DENIALS or any(map(str.isdigit, word)) for word in apart):
        return False
    return len(words & others) >= _NEAR * len(words | others)


def _words(text: str) -> list[str]:
    return [part for word in _WORD.findall(text) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    """Return the word, or its pairs of characters where a script sets no blanks between words."""
    if len(word) == 1 or not _UNSPACED.search(word):
        return [word]
    return [word[start : start + 2] for start in range(len(word) - 1)]


# Disagreement -------------------------------------------------------------------------------------------------


def _disagree(old: Slot, new: Slot) -> bool:
    if old.ended or new.ended:
        return old.ended != new.ended and (old.value == new.value or (new.ended and not new.value))
    # "engineer" and "software engineer" are one job.
    one, another = set(old.value.split()), set(new.value.split())
    return not (one <= another or another <= one)


def _disagreement(item: MemoryItem, slot: Slot, newer: MemoryItem, said: Slot) -> Finding:
    apart = _moment(newer["updated_at"]) - _moment(item["updated_at"])
    now = f"no longer {said.value}".strip() if said.ended else said.value
    note = f"{slot.property}: {slot.value or 'none'} here, {now} in {newer['id']}"
    return finding("stale" if apart >= STALE else "contradiction", item, note, other=newer["id"])
