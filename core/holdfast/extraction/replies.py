"""Read what the model answered, however badly it is written.

A reply is read in two steps: first the JSON values in it, mended where they are broken; then the facts or
decisions in those values, under whatever names the model gave them. What cannot be used is skipped with a
reason, so that nothing disappears silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from holdfast.errors import UnreadableReply
from holdfast.extraction.facts import Decision, Fact, Known, Skipped
from holdfast.records import Event

MAX_TEXT_LENGTH = 5000
"""Most characters of a fact; a longer one is a copied document."""


def parse_facts(reply: str, *, turns: int) -> tuple[list[Fact], list[Skipped]]:
    """Read the answer to `extraction_messages`.

    Args:
        reply: The model's text.
        turns: How many turns it was shown; other turn numbers become `None`.

    Returns:
        The facts in the order told, and what was left out: `"truncated"`, `"damaged"`, `"not text"`,
        `"blank"` or `"too long"`.

    Raises:
        UnreadableReply: Nothing usable stands in it. An empty list of facts is usable.
    """
    reading = _Reading(reply)
    items = reading.items(_FACT_LISTS, _is_fact)
    outcomes = [_fact(item, turns) for item in items or () if item is not None]
    facts = [outcome for outcome in outcomes if isinstance(outcome, Fact)]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)] + reading.truncated()
    unusable = any(one.reason in {"not text", "truncated", "damaged"} for one in skipped)
    if items is None or (unusable and not facts):
        raise _unreadable(reply, "facts", reading)
    return facts, skipped


def parse_decisions(
    reply: str, *, facts: Sequence[Fact], known: Sequence[Known]
) -> tuple[list[Decision], list[Skipped]]:
    """Read the answer to `reconciliation_messages`, or one in Mem0's form.

    No fact is lost: one that the model did not decide, or decided about a memory that does not exist, is
    added. No memory is changed twice, and none is overwritten with a text that has nothing to do with it.

    Args:
        reply: The model's text.
        facts: The facts it was shown.
        known: The memories it was shown.

    Returns:
        The decisions, and what was not obeyed: `"truncated"`, `"damaged"`, `"unreadable"`, `"unknown id"`,
        `"unrelated"`, `"decided twice"` or `"too long"`.

    Raises:
        UnreadableReply: Nothing usable stands in it. An empty list of decisions is usable.
    """
    reading = _Reading(reply)
    items = reading.items(_DECISION_LISTS, _is_decision)
    plan = _Plan(facts, known)
    for item in items or ():
        plan.take(item)
    understood = plan.understood or not (plan.skipped or reading.truncated())
    if items is None or not understood:
        raise _unreadable(reply, "decisions", reading)
    return plan.finished(), plan.skipped + reading.truncated()


def _unreadable(reply: str, wanted: str, reading: _Reading) -> UnreadableReply:
    if not reply.strip():
        problem = "the reply is empty"
    elif reading.lost is not None:
        problem = "the reply ends before its first entry is complete"
    elif reading.runs:
        problem = f'the reply has no "{wanted}" list with entries of the form asked for'
    else:
        problem = "the reply holds no JSON"
    return UnreadableReply(problem, provider="model")


# --- From text to values ---------------------------------------------------------------------------------

# Where a value may begin: "[1]" and "{name}" in prose are none.
_START = re.compile(r"""\{\s*(?:["'“}/#]|\w+\s*:)|\[\s*(?:["'“{\[\]/#])""")
_THOUGHTS = re.compile(r"\s*<(think(?:ing)?|thought|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_DECODER = json.JSONDecoder(strict=False)
_MOST_VALUES = 10_000
# json-repair takes time quadratic in a text with stray quotes (4,000 characters 0.25 s, 32,000 7 s), so it
# gets small pieces, and not many.
_PIECE = 4000
_REPAIRABLE = 4 * _PIECE


class _Reading:
    """The JSON values of a reply, mended where they are broken.

    Attributes:
        runs: Values that follow one another directly; prose in between starts a new run.
        lost: What stands after the last complete entry, when something could not be read; else `None`.
    """

    def __init__(self, reply: str) -> None:
        self.runs: list[list[object]] = []
        self.lost: str | None = None
        self._text = reply.lstrip("\ufeff")
        self._repairable = _REPAIRABLE
        self._read()

    def items(self, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
        """Return the entries of the answer, `None` if there is no answer.

        The last run with a list under one of `names` wins: before it stand drafts and echoes of the question.
        """
        named = [run for run in self.runs if any(_listed(value, names, is_item) is not None for value in run)]
        for run in reversed(named or self.runs):
            parts = [_entries(value, names, is_item) for value in run]
            if any(part is not None for part in parts):
                return [item for part in parts for item in part or ()]
        return None

    def truncated(self) -> list[Skipped]:
        """Return a note of what is lost, empty when nothing is."""
        if self.lost is None:
            return []
        return [Skipped("truncated", self.lost.strip("`, \r\n\t"), "What follows here could not be read.")]

    def _read(self) -> None:
        thoughts = _THOUGHTS.match(self._text)
        position = thoughts.end() if thoughts else 0
        count = 0
        while found := _START.search(self._text, position):
            if count >= _MOST_VALUES:
                self.lost = self._text[position:]
                break
            if not self.runs or self._text[position : found.start()].strip(" \t\r\n,;"):
                self.runs.append([])
            values, position = self._values(found.start())
            self.runs[-1] += values
            count += 1

    def _values(self, start: int) -> tuple[list[object], int]:
        """Return the value at `start`, several if it had to be mended in pieces, and where to read on."""
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            return self._mended(start)
        return [value], end

    def _mended(self, start: int) -> tuple[list[object], int]:
        span = _span(self._text, start) if self._repairable else None
        if span is None:
            self.lost = self._text[start:]
            return [], len(self._text)
        end = span.end
        if span.cut:
            end = span.borders[-1] if span.borders else start
            self.lost = self._text[end:]
        try:
            return [_DECODER.decode(self._text[start:end] + span.closers)], span.end
        except (ValueError, RecursionError):
            return self._repaired(start, end, span.borders), span.end

    def _repaired(self, start: int, end: int, borders: Sequence[int]) -> list[object]:
        values: list[object] = []
        for piece_end in _piece_ends(start, end, borders):
            if piece_end - start > min(_PIECE, self._repairable):
                self.lost = self._text[start:]
                self._repairable = 0
                break
            self._repairable -= piece_end - start
            piece = self._text[start:piece_end]
            values.append(_repaired("[" + piece.lstrip(", \r\n\t") if values else piece))
            start = piece_end
        return values


def _piece_ends(start: int, end: int, borders: Sequence[int]) -> Iterator[int]:
    """Yield where to cut `start:end`: between entries and, where they allow it, at most `_PIECE` apart."""
    last = start
    inside = [border for border in borders if border < end]
    for border, following in zip(inside, [*inside[1:], end][: len(inside)], strict=True):
        if following - last > _PIECE:
            yield border
            last = border
    if last < end:
        yield end


def _repaired(text: str) -> object:
    import json_repair  # noqa: PLC0415 - most replies need no repair, and it takes 50 ms to load

    try:
        return _checked(json_repair.loads(text, skip_json_loads=True), _unescaped(text))
    except Exception:  # noqa: BLE001 - whatever goes wrong in there, it is the reply that is unreadable
        return None


class _Damaged(str):
    """A text that a repair has perhaps cut in pieces."""

    __slots__ = ()


def _checked(value: object, source: str) -> object:
    """Mark the texts that `source` does not quote whole: from `'It's late'` a repair may make `It`."""
    if isinstance(value, str):
        return value if _quotes(source, value) else _Damaged(value)
    if isinstance(value, list):
        return [_checked(item, source) for item in value]
    if isinstance(value, dict):
        return {key: _checked(content, source) for key, content in value.items()}
    return value


_QUOTES = frozenset("\"'“”")
_END_OF_QUOTE = re.compile(r"""["'“”]\s*(?:[,:}\]"'/#]|\Z)""")


def _quotes(source: str, text: str) -> bool:
    at = source.find(text)
    while at > 0:
        if source[at - 1] in _QUOTES and _END_OF_QUOTE.match(source, at + len(text)):
            return True
        at = source.find(text, at + 1)
    return False


_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL | re.IGNORECASE)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda one: chr(int(one[1], 16)) if one[1] else _ESCAPED.get(one[2], one[2]), text)


@dataclass(frozen=True, slots=True)
class _Span:
    """How far a broken value reaches.

    Attributes:
        end: Where it ends; the end of the text if it is never closed.
        borders: Where the entries of its outermost list end.
        closers: The brackets it lacks, behind the last border if it is cut.
        cut: Whether the text ends within an entry or before the list does.
    """

    end: int
    borders: list[int]
    closers: str
    cut: bool


_TOKEN = re.compile(
    r"""[{}\[\]]"""
    r"""|(?P<quote>"|(?<=[\[{,:\s])')(?:(?!(?P=quote))[^\\]|\\.)*(?:(?P=quote)|(?P<unclosed>\\?\Z))""",
    re.DOTALL,
)
_AFTER_ENTRY = re.compile(r"\s*(?:[,\]]|\Z)")
_DEEPEST = 32


def _span(text: str, start: int) -> _Span | None:
    """Return the reach of the value at `start`, `None` if it is nested deeper than any answer."""
    opened: list[str] = []
    borders: list[int] = []
    closers = ""
    stray = False
    for token in _TOKEN.finditer(text, start):
        mark = token.group()
        stray = token["unclosed"] is not None
        if mark in {"{", "["}:
            opened.append(mark)
        elif mark in {"}", "]"}:
            opened.pop()
        if not opened:
            return _Span(token.end(), borders, "", cut=False)
        if len(opened) > _DEEPEST:
            return None
        in_list = opened[-1] == "[" and opened.count("[") == 1 and mark != "["
        if in_list and not stray and _AFTER_ENTRY.match(text, token.end()):
            borders.append(token.end())
            closers = _closers(opened)
    # Stray quotes pair up wrongly, so that the last one seems open: brackets at the end speak against a cut.
    bracketed = text.rstrip("` \r\n\t").endswith(("}", "]"))
    if bracketed and (stray or "[" not in opened):
        return _Span(len(text), borders, _closers(opened), cut=False)
    return _Span(len(text), borders, closers, cut=True)


def _closers(opened: Sequence[str]) -> str:
    return "".join("}" if bracket == "{" else "]" for bracket in reversed(opened))


# --- From values to entries ------------------------------------------------------------------------------

# The first name is the one asked for; the others are what models and custom prompts make of it.
_FACT_LISTS = ("facts", "fact", "memories", "memory", "results", "items", "data")
_DECISION_LISTS = ("decisions", "memory", "memories", "actions", "operations", "results", "data")
_TEXT_KEYS = ("text", "fact", "memory", "content", "data", "value")
_EVENT_KEYS = ("event", "action", "operation", "decision")


def _listed(
    value: object, names: Sequence[str], is_item: Callable[[object], bool], *, depth: int = 3
) -> list[object] | None:
    """Return the list that `value` holds under one of `names`, at most two levels down."""
    fields = _fields(value)
    if depth == 0 or not isinstance(value, (dict, list)):
        return None
    if names[0] in fields:
        return _as_list(fields[names[0]], names, is_item, depth=depth)
    if is_item(value):
        return None
    for name in names[1:]:
        content = fields.get(name)
        if isinstance(content, list):
            return content
    inner = fields.values() if isinstance(value, dict) else value
    lists = [found for one in inner if (found := _listed(one, names, is_item, depth=depth - 1)) is not None]
    return [item for found in lists for item in found] if lists else None


def _as_list(content: object, names: Sequence[str], is_item: Callable[[object], bool], *, depth: int) -> list[object]:
    if isinstance(content, list):
        return content
    if content is None:
        return []
    if isinstance(content, dict):
        deeper = _listed(content, names, is_item, depth=depth - 1)
        if deeper is not None:
            return deeper
        if all(_number(key) is not None for key in content):
            return list(content.values())
    return [content]


def _entries(value: object, names: Sequence[str], is_item: Callable[[object], bool]) -> list[object] | None:
    """Return the entries `value` holds: listed under a name, a bare list, or itself one."""
    listed = _listed(value, names, is_item)
    if listed is not None:
        return listed
    if isinstance(value, list) and (not value or any(is_item(item) for item in value)):
        return value
    return [value] if isinstance(value, dict) and is_item(value) else None


def _is_fact(value: object) -> bool:
    return isinstance(value, str) or _text(_fields(value), _TEXT_KEYS) is not None


def _is_decision(value: object) -> bool:
    fields = _fields(value)
    return any(isinstance(fields.get(key), str) for key in _EVENT_KEYS)


def _fields(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        return {}
    return {str(key).strip().casefold(): content for key, content in value.items()}


def _text(fields: dict[str, object], keys: Sequence[str]) -> str | None:
    text = next((content for key in keys if isinstance(content := fields.get(key), str)), None)
    return text if text is None or isinstance(text, _Damaged) else _clean(text)


def _clean(text: str) -> str:
    # No file can keep NUL or half of a surrogate pair, and no fact needs them.
    text = text.replace("\0", "").strip()
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _refusal(text: str) -> Skipped | None:
    """Return why `text` cannot be a memory, `None` if it can."""
    if isinstance(text, _Damaged):
        return Skipped("damaged", str(text), "Its quotation marks are broken: a part may be missing.")
    if not any(character.isalnum() for character in text):
        return Skipped("blank", text)
    if len(text) > MAX_TEXT_LENGTH:
        return Skipped("too long", text, f"It has {len(text)} characters; a fact has at most {MAX_TEXT_LENGTH}.")
    return None


_NUMBER = re.compile(r"[a-z#\[(]{0,3}\s*(-?\d{1,9})(?:\.0*)?[\])]?", re.IGNORECASE | re.ASCII)


def _number(value: object) -> int | None:
    """Return the whole number that `value` is or spells: `0`, `0.0`, `"0"`, `"M0"`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    spelled = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(spelled.group(1)) if spelled else None


def _index(value: object, count: int) -> int | None:
    number = _number(value)
    return number if number is not None and 0 <= number < count else None


def _fact(item: object, turns: int) -> Fact | Skipped:
    fields: dict[str, object] = {"text": item} if isinstance(item, str) else _fields(item)
    text = _text(fields, _TEXT_KEYS)
    if text is None:
        return Skipped("not text", "", f"An entry is a {type(item).__name__} without a text.")
    by_assistant = str(fields.get("attributed_to")).strip().casefold() == "assistant"
    fact = Fact(text, _index(fields.get("turn"), turns), "assistant" if by_assistant else "user")
    return _refusal(text) or fact


# --- From entries to decisions ---------------------------------------------------------------------------

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


class _Plan:
    """The decisions so far; each entry is checked against those before it.

    Attributes:
        skipped: What was not obeyed.
        understood: Whether any entry was a decision.
    """

    def __init__(self, facts: Sequence[Fact], known: Sequence[Known]) -> None:
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
        fields = _fields(item)
        text = (item if isinstance(item, str) else _wording(fields)) or ""
        said = next((value for key in _EVENT_KEYS if isinstance(value := fields.get(key), str)), "")
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
        refused = _refusal(text)
        if refused and refused.reason != "blank":
            self.skipped.append(refused)
        return self._facts[fact] if refused else text

    def _said(self, fact: int | None) -> str:
        return "" if fact is None else self._facts[fact]

    def _skip(self, reason: str, text: str, detail: str = "") -> None:
        self.skipped.append(Skipped(reason, text, detail))


def _wording(fields: dict[str, object]) -> str | None:
    # In our form "memory" is a number, in Mem0's it may be the text.
    return _text({key: value for key, value in fields.items() if _number(value) is None}, _WORDING_KEYS)


def _named(value: object, texts: Sequence[str]) -> int | None:
    """Return the index that `value` is or spells, or that of the text it repeats."""
    if isinstance(value, str) and _number(value) is None:
        return next((index for index, text in enumerate(texts) if text.casefold() == value.strip().casefold()), None)
    return _index(value, len(texts))


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
