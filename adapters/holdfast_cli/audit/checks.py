"""Check the texts of memories for secrets, contradictions, duplicates and junk.

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

from holdfast import Attribute, MemoryItem, attributes_of
from holdfast_cli.audit.secrets import find_secrets, redact

Kind = Literal["secret", "contradiction", "unfindable", "duplicate", "near-duplicate", "stale", "junk"]
STALE = timedelta(days=90)
"""The age from which a contradicted memory is stale: how much later the newer memory was written."""

_MIN_SHARED = 0.8  # Jaccard similarity of the words of two near-duplicates
_MAX_COMPARED = 50  # earlier memories per shared word
_MAX_STATEMENTS = 20  # later statements of one property
_MIN_WORDS = 2
_MIN_CHARACTERS = 3

_WORD = re.compile(r"\w+(?:'\w+)?")
_SCRIPT_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FUNCTION_WORDS = frozenset("a an the i i'm i've am is are was be has have had my user user's to of s".split())
_NEGATIONS = frozenset("not never no without don't doesn't didn't isn't can't cannot won't nicht kein keine".split())

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
    """A problem of one memory.

    Attributes:
        kind: The kind of problem.
        id: The memory's id.
        text: The memory's text, with secrets replaced.
        note: The reason.
        other: The id of the memory it duplicates or contradicts.
    """

    kind: Kind
    id: str
    text: str
    note: str
    other: str | None = None


def find_secret_memories(items: Iterable[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories whose text or metadata contains a key, a password or a card number."""
    for item in items:
        metadata = json.dumps(item["metadata"], ensure_ascii=False) if item["metadata"] else ""
        kinds = [secret.kind for part in (item["memory"], metadata) for secret in find_secrets(part)]
        if kinds:
            yield make_finding("secret", item, ", ".join(dict.fromkeys(kinds)))


def find_duplicates(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories that repeat an earlier memory of the same owner, in the same or nearly the same words."""
    for group in _group_by_owner(items):
        first: dict[str, MemoryItem] = {}
        for item in group:
            original = first.setdefault(normalize(item["memory"]), item)
            if original is not item:
                yield make_finding("duplicate", item, f"the same as {original['id']}", other=original["id"])
        yield from _find_near_duplicates(list(first.values()))


def find_contradictions(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories that a newer one of the same speaker contradicts; after 90 days the older one is stale.

    Only attributes with one value at a time are compared, as the key-free rules extract them (in English).
    """
    stated: dict[tuple[Any, ...], list[tuple[MemoryItem, Attribute]]] = defaultdict(list)
    for item in _oldest_first(items, lambda item: item["updated_at"]):
        for attribute in attributes_of(item["memory"], speaker=item.get("speaker")):
            stated[(_get_speaker(item), attribute.subject.relation or attribute.subject.name, attribute.name)].append(
                (item, attribute)
            )
    for group in stated.values():
        for place, (item, attribute) in enumerate(group):
            newer = [later for later in group[place + 1 :][-_MAX_STATEMENTS:] if _contradict(attribute, later[1])]
            if newer:
                yield _make_contradiction(item, attribute, *newer[-1])


def find_junk(items: Iterable[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories without content: too short, or a greeting, thanks, a refusal, a placeholder or a prompt."""
    for item in items:
        text = normalize(item["memory"])
        if _BOILERPLATE.fullmatch(text):
            yield make_finding("junk", item, "boilerplate")
        elif len(_split_words(text)) < _MIN_WORDS and (
            not _SCRIPT_WITHOUT_SPACES.search(text) or len(text) < _MIN_CHARACTERS
        ):
            yield make_finding("junk", item, "too short to hold a fact")


def make_finding(kind: Kind, item: MemoryItem, note: str, *, other: str | None = None) -> Finding:
    """Return a finding in whose text and note secrets are replaced."""
    return Finding(kind, item["id"], redact(item["memory"]), redact(note), other)


def normalize(text: str) -> str:
    """Return `text` in a form for comparison: on one line, in lower case, without closing punctuation.

    >>> normalize("I  LIKE tea.")
    'i like tea'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split()).rstrip(" .!")


def _get_owner(item: MemoryItem) -> tuple[str | None, ...]:
    """Return the ids of the owner; a session counts only if there is no other id."""
    ids = (item.get("user_id"), item.get("agent_id"), item.get("app_id"))
    return (*ids, None if any(ids) else item.get("run_id"))


def _get_speaker(item: MemoryItem) -> tuple[str | None, ...]:
    return (*_get_owner(item), item.get("speaker"), item.get("attributed_to"))


def _group_by_owner(items: Sequence[MemoryItem]) -> Iterable[list[MemoryItem]]:
    groups: dict[tuple[str | None, ...], list[MemoryItem]] = defaultdict(list)
    for item in _oldest_first(items, lambda item: item["created_at"]):
        groups[_get_owner(item)].append(item)
    return groups.values()


def _oldest_first(items: Sequence[MemoryItem], when: Callable[[MemoryItem], str]) -> list[MemoryItem]:
    """Return `items`, which are newest first, oldest first; those of the same time are reversed too."""
    return sorted(items, key=lambda item: _parse_time(when(item)), reverse=True)[::-1]


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _find_near_duplicates(items: Sequence[MemoryItem]) -> Iterator[Finding]:
    """Yield the memories with nearly the words of an earlier one.

    Two sets of words whose Jaccard similarity is 80 % or more share at least one of the rarest 20 % (plus one) of the
    words of each, so only such pairs are compared (prefix filtering, Chaudhuri et al. 2006,
    https://doi.org/10.1109/ICDE.2006.9).
    """
    word_sets = [frozenset(_split_words(normalize(item["memory"]))) - _FUNCTION_WORDS for item in items]
    frequency = Counter(word for words in word_sets for word in words)
    earlier: dict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(word_sets):
        rarest = sorted(words, key=lambda word: (frequency[word], word))
        rarest = rarest[: len(words) - math.ceil(_MIN_SHARED * len(words)) + 1]
        others = {other for word in rarest for other in earlier[word][-_MAX_COMPARED:]}
        similar = [other for other in others if _are_similar(words, word_sets[other])]
        if similar and words:
            first = items[min(similar)]
            yield make_finding("near-duplicate", items[place], f"much like {first['id']}", other=first["id"])
        for word in rarest:
            earlier[word].append(place)


def _are_similar(words: frozenset[str], others: frozenset[str]) -> bool:
    different = words ^ others
    # "at 10:40" and "at 11:40" are different facts, and so are "can" and "cannot".
    if any(word in _NEGATIONS or any(map(str.isdigit, word)) for word in different):
        return False
    return len(words & others) >= _MIN_SHARED * len(words | others)


def _split_words(text: str) -> list[str]:
    return [part for word in _WORD.findall(text) for part in _split_word(word)]


def _split_word(word: str) -> list[str]:
    """Return the word, or its pairs of characters if its script has no spaces between words."""
    if len(word) == 1 or not _SCRIPT_WITHOUT_SPACES.search(word):
        return [word]
    return [word[start : start + 2] for start in range(len(word) - 1)]


def _contradict(old: Attribute, new: Attribute) -> bool:
    if old.ended or new.ended:
        return old.ended != new.ended and (old.value == new.value or (new.ended and not new.value))
    # "engineer" and "software engineer" can both be true.
    one, another = set(old.value.split()), set(new.value.split())
    return not (one <= another or another <= one)


def _make_contradiction(item: MemoryItem, attribute: Attribute, newer: MemoryItem, new_attribute: Attribute) -> Finding:
    age = _parse_time(newer["updated_at"]) - _parse_time(item["updated_at"])
    now = f"no longer {new_attribute.value}".strip() if new_attribute.ended else new_attribute.value
    note = f"{attribute.name}: {attribute.value or 'none'} here, {now} in {newer['id']}"
    return make_finding("stale" if age >= STALE else "contradiction", item, note, other=newer["id"])
