"""The rules of one language, read from the TOML files of its folder.

A folder holds four kinds of things, spread over files as suits their reader:

- `[words]`: word lists, each a text of words between blanks;
- `[forms]`: tables from one word to another, such as irregular verbs;
- `[parts]`: pieces of patterns that several rules share, written `{name}` where they are used (a word list can be used
  so too: it is then any one of its words);
- rules: `[[verdict]]`, `[[attribute]]` and the other tables, and `[[pattern]]` for what the code looks up by name.

Every rule has examples that it matches and misses, and a test runs them all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

_SHARED = re.compile(r"\{([a-z_]+)\}")
_ALTERNATIVE = re.compile(r"(?:(?<=\|)|(?<=\(\?:))\{([a-z_]+)\}(?=[|)])")
# The headers of TOML: `[words]`, `[forms.order]`, `[[verdict]]`. To parse all files takes 11 ms; the blocks that a
# first search needs take 1 ms, those of a first `extract` and `reconcile` 6 ms.
_HEADER = re.compile(r"\n\[\[?([a-z_]+(?:\.[a-z_]+)?)\]\]?(?=\n)")
# A quarter of the text, which would be parsed for nothing.
_EXAMPLES = re.compile(r"\n(?:matches|misses) = '''.*?'''", re.DOTALL)
# What these tables read is in lower case already ...
_LOWER_CASE = frozenset(("verdict", "note_verdict", "offer", "statement", "general"))
# ... and a match of these ends where a word ends.
_WHOLE_WORDS = frozenset(("verdict", "note_verdict", "offer"))


@lru_cache(maxsize=8)
def load_language(name: str = "english", *, examples: bool = False) -> Language:
    """Return the rules of a language, read once.

    Args:
        name: The folder's name, also what stemmers call the language.
        examples: Whether the rules have their `matches` and `misses`, which only tests need.

    Raises:
        LookupError: There is no folder with rules for the language.

    >>> load_language().name
    'english'
    """
    paths = sorted((Path(__file__).parent / name).glob("*.toml"))
    if not paths:
        raise LookupError(f"no rules for the language {name!r}: {Path(__file__).parent} has no folder of that name")
    texts = {path.name: path.read_text("utf-8") for path in paths}
    return Language(name, texts if examples else {file: _EXAMPLES.sub("", text) for file, text in texts.items()})


@dataclass(frozen=True, eq=False)  # names are unique: comparing by identity is enough, and faster
class Rule:
    r"""One named entry of a table.

    Attributes:
        name: Unique in the language; what `Skipped.rule` and `explain` show.
        pattern: A regular expression, matched from the start. Blanks and line breaks around its lines do not count.
        outcome: What follows: the verdict, the attribute, the kind of profile fact, the replacement.
        matches: Texts that the rule fires on, one on each line.
        misses: Texts that it leaves alone.
        at: Where `pattern` is looked for: at the `"start"`, or `"anywhere"`.
        case: `"any"`, or `"exact"` when capitals count.
        where: What an attribute's pattern is matched with: the `"sentence"`, its `"predicate"` or what is `"owned"`.
        value: The reader in `values` that reads an attribute's value.
        pole: What counts as the value where the value names the attribute (`opinion of {value}`).
        cues: Words of which one must be in the sentence for the rule to be tried. Tables that are tried by cues need
            them in every rule.
        ends: Whether an attribute's rule says that the value holds no longer.
        several: Whether several values can hold at once, so that one replaces another only when it says `now`.
        lasting: Whether the attribute is part of who somebody is. An appointment is not.
    """

    name: str
    pattern: str
    outcome: str = ""
    matches: str = ""
    misses: str = ""
    at: str = "start"
    case: str = "any"
    where: str = ""
    value: str = ""
    pole: str = ""
    cues: frozenset[str] = frozenset()
    ends: bool = False
    several: bool = False
    lasting: bool = True

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern by itself."""
        return re.compile(self.pattern, 0 if self.case == "exact" else re.IGNORECASE)

    def find(self, text: str) -> re.Match[str] | None:
        """Return where the pattern fits `text`, `None` where it does not."""
        return self.compiled.search(text) if self.at == "anywhere" else self.compiled.match(text)


class Table:
    """Rules in the order in which they are tried."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        self.name = name
        self._rules = tuple(rules)
        self._by_name = {rule.name: rule for rule in rules}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def named(self, name: str) -> Rule:
        """Return the rule called `name`."""
        return self._by_name[name]

    def first(self, text: str) -> Rule | None:
        """Return the first rule that matches `text`."""
        found = self.match(text)
        return None if found is None else self.rule_of(found)

    def match(self, text: str) -> re.Match[str] | None:
        """Return the match of the first rule that fits `text`."""
        return self._combined.match(text)

    def rule_of(self, found: re.Match[str]) -> Rule:
        """Return the rule that made a match of this table."""
        return self._rules[int(str(found.lastgroup)[1:])]

    def with_cues(self, words: Collection[str]) -> list[Rule]:
        """Return the rules that have one of `words` among their cues, in order."""
        places = self._places_by_cue
        cued: set[int] = set()
        for word in words:
            if word in places:
                cued.update(places[word])
        return [self._rules[place] for place in sorted(cued)]

    @cached_property
    def _places_by_cue(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, rule in enumerate(self._rules):
            for cue in rule.cues:
                places.setdefault(cue, []).append(place)
        return places

    @cached_property
    def _combined(self) -> re.Pattern[str]:
        # One alternation for all, as fast as a single pattern. The empty group at the end of each alternative tells
        # which it was; at its beginning it would keep `re` from rejecting alternatives by their first letter.
        alternatives = "|".join(f"(?:{rule.pattern})(?P<r{place}>)" for place, rule in enumerate(self._rules))
        return re.compile(alternatives, 0 if self.name in _LOWER_CASE else re.IGNORECASE)


class Lazy(Generic[T]):
    """Values that are made when they are first read, by name."""

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> T:
        try:
            value = self._make(name)
        except KeyError:
            raise AttributeError(f"the language has no {name!r}") from None
        setattr(self, name, value)
        return value


class Language:
    """The data of one language. A block is parsed, and a pattern compiled, when it is first used.

    Attributes:
        name: What stemmers call the language.
        words: Word lists.
        forms: Tables from one word to another.
        patterns: Compiled patterns.
        tables: Tables of rules.
    """

    def __init__(self, name: str, files: Mapping[str, str]) -> None:
        """Prepare the data in `files`, the text of each by its name."""
        self.name = name
        self._files = files
        self._blocks = _split_into_blocks(files.values())
        self._sections: Lazy[dict[str, str]] = Lazy(self._section)
        self._alternatives: Lazy[str] = Lazy(self._alternatives_of)
        self._parts: Lazy[str] = Lazy(self._part)
        self.words: Lazy[frozenset[str]] = Lazy(lambda name: frozenset(self._sections.words[name].split()))
        self.forms: Lazy[dict[str, str]] = Lazy(lambda name: self._section(f"forms.{name}"))
        self.patterns: Lazy[re.Pattern[str]] = Lazy(self._pattern)
        self.tables: Lazy[Table] = Lazy(self._table)

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """Return all files, parsed."""
        return {file: tomllib.loads(text) for file, text in self._files.items()}

    def _section(self, name: str) -> dict[str, str]:
        """Return the keys and values of all sections called `name`."""
        return tomllib.loads("\n".join(self._blocks[name]))

    def _pattern(self, name: str) -> re.Pattern[str]:
        for block in self._blocks["pattern"]:
            if f'name = "{name}"\n' in block:
                return self._rule("pattern", tomllib.loads(block)).compiled
        raise KeyError(name)

    def _table(self, name: str) -> Table:
        rules = [self._rule(name, tomllib.loads(block)) for block in self._blocks[name]]
        if name in self.forms.order:
            order = self.forms.order[name].split()
            rules.sort(key=lambda rule: order.index(rule.outcome))
        return Table(name, rules)

    def _rule(self, table: str, entry: Mapping[str, Any]) -> Rule:
        if unknown := entry.keys() - _KEYS:
            raise ValueError(f"the rule {entry.get('name')!r} has unknown keys: {', '.join(sorted(unknown))}")
        pattern = self._fill_in(entry["pattern"])
        if table in _WHOLE_WORDS:
            pattern = rf"(?:{pattern})(?![\w'])"
        case = "exact" if table in _LOWER_CASE else entry.get("case", "any")
        # A cue in braces is a word list.
        cues = _SHARED.sub(lambda found: self._sections.words[found[1]], entry.get("cues", ""))
        return Rule(**{**entry, "pattern": pattern, "cues": frozenset(cues.split()), "case": case})

    def _fill_in(self, pattern: str) -> str:
        joined = "".join(line.strip(" ") for line in pattern.split("\n")) if "\n" in pattern else pattern
        if "{" not in joined:
            return joined
        # Words among alternatives join them: `re` rejects literal alternatives by their first letter.
        words = self._sections.words
        flat = _ALTERNATIVE.sub(
            lambda found: getattr(self._alternatives, found[1]) if found[1] in words else found[0], joined
        )
        return _SHARED.sub(lambda found: getattr(self._parts, found[1]), flat)

    def _part(self, name: str) -> str:
        sections = self._sections
        if name in sections.words:
            return f"(?:{getattr(self._alternatives, name)})"
        return f"(?:{self._fill_in(sections.parts[name])})"

    def _alternatives_of(self, name: str) -> str:
        """Return the words of a list as alternatives, the longest first."""
        return "|".join(sorted(self._sections.words[name].split(), key=len, reverse=True))


def _split_into_blocks(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the blocks of TOML texts without their headers, in order, by the name in the header."""
    blocks: dict[str, list[str]] = {}
    for text in texts:
        _, *parts = _HEADER.split("\n" + text)
        for name, block in zip(parts[::2], parts[1::2], strict=True):
            blocks.setdefault(name, []).append(block)
    return blocks


_KEYS = frozenset(field.name for field in fields(Rule))
