"""Read memories and questions about them from files with one JSON object a line.

A line is a question with its memories, and the places, from 0, of those that answer it. A question without answers
cannot be answered from them:

    {"memories": ["I moved to Porto.", "I have two cats."], "question": "where does she live?", "answers": [0]}

Lists that many questions share have a name. Lines with the same name continue one list, and its places go on counting:

    {"name": "ana", "memories": ["I moved to Porto.", "I have two cats."]}
    {"memories": "ana", "question": "where does she live?", "answers": [0], "domain": "home", "split": "held-out"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from holdfast import InvalidInput

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_KEYS = ("name", "memories", "question", "answers", "domain", "kind", "split")
_EXPECTED = '{"memories": ["a text", ...], "question": "...", "answers": [0]}'


@dataclass(frozen=True, slots=True)
class PlainQuestion:
    """One question about a list of memories.

    Attributes:
        id: The file and the line.
        text: The question.
        memories: The texts it is searched among; questions that share a list have the same object.
        answers: The places of the memories that answer it, from 0; empty if none does.
        domain: What it is about, `None` for none.
        kind: How it asks, `None` for none. Scores are grouped by both.
        split: The part of the set it belongs to, such as `held-out`, `None` for none.
    """

    id: str
    text: str
    memories: Sequence[str]
    answers: tuple[int, ...]
    domain: str | None = None
    kind: str | None = None
    split: str | None = None


def is_question_set(path: str, text: str) -> bool:
    """Say whether the first line has memories, or the file is named as one of JSON lines and has no conversations."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and ("memories" in value or "conversation" in value):
        return "memories" in value
    return Path(path).suffix.lower() in _LINE_SUFFIXES and not isinstance(value, list)


def parse_questions(texts: Mapping[str, str], *, split: str | None = None) -> list[PlainQuestion]:
    """Return the questions of files, in order.

    Args:
        texts: The content of each file by its path. A name of a list is known in its own file only.
        split: Return only the questions of this split; `None` returns all.

    Raises:
        InvalidInput: A line has another format, or there is no question to return.
    """
    questions = [question for path, text in texts.items() for question in _parse_file(path, text)]
    if not questions:
        raise InvalidInput(f"{', '.join(texts)}: there is no question: expected lines such as {_EXPECTED}")
    chosen = [one for one in questions if split in {None, one.split}]
    if not chosen:
        names = sorted({one.split for one in questions if one.split is not None})
        known = f"there are {', '.join(names)}" if names else 'no line has a "split"'
        raise InvalidInput(f"no question has the split {split!r}: {known}")
    return chosen


def _parse_file(path: str, text: str) -> Iterator[PlainQuestion]:
    named: dict[str, list[str]] = {}
    unnamed: dict[tuple[str, ...], list[str]] = {}
    asked: list[tuple[str, Mapping[str, Any], list[str]]] = []
    # Not `splitlines`: JSON may contain U+2028, which is no end of a line here.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        value = _parse_line(line, place)
        memories = _find_memories(value, named, unnamed, place)
        if "question" in value:
            asked.append((place, value, memories))
    # A list is complete at the end of the file only: lines of its name may follow the question.
    yield from (_parse_question(value, memories, place) for place, value, memories in asked)


def _parse_line(line: str, place: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{place}: it is not JSON ({error}): expected {_EXPECTED}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{place}: it is not a JSON object: expected {_EXPECTED}")
    for key in value:
        if key not in _KEYS and (meant := get_close_matches(key, _KEYS, 1)):
            raise InvalidInput(f"{place}: {key!r} is not known, did you mean {meant[0]!r}")
    if "memories" not in value:
        raise InvalidInput(f'{place}: it has no "memories": expected {_EXPECTED}')
    if "question" not in value and "name" not in value:
        raise InvalidInput(f'{place}: it has neither a "question" nor a "name": expected {_EXPECTED}')
    if "question" not in value and "answers" in value:
        raise InvalidInput(f'{place}: it has "answers" but no "question": expected {_EXPECTED}')
    return value


def _find_memories(
    value: Mapping[str, Any], named: dict[str, list[str]], unnamed: dict[tuple[str, ...], list[str]], place: str
) -> list[str]:
    """Return the list that a line names or contains; a named one is continued."""
    memories, name = value["memories"], value.get("name")
    if isinstance(memories, str):
        if memories not in named:
            known = (
                f"known names are {', '.join(named)}" if named else f'name a list first: {{"name": "{memories}", ...}}'
            )
            raise InvalidInput(f"{place}: no earlier line has memories of the name {memories!r}: {known}")
        return named[memories]
    if not isinstance(memories, list) or not memories:
        raise InvalidInput(f'{place}: "memories" is neither a list of texts nor the name of one')
    for position, text in enumerate(memories):
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(f"{place}: memory {position} is {text!r}: expected a text that is not blank")
    if name is None:
        return unnamed.setdefault(tuple(memories), memories)
    listed = named.setdefault(_parse_label(value, "name", place) or "", [])
    listed += memories
    return listed


def _parse_question(value: Mapping[str, Any], memories: Sequence[str], place: str) -> PlainQuestion:
    question, answers = value["question"], value.get("answers")
    if not isinstance(question, str) or not question.strip():
        raise InvalidInput(f"{place}: the question is {question!r}: expected a text that is not blank")
    if not isinstance(answers, list):
        raise InvalidInput(f'{place}: "answers" is {answers!r}: expected the places of memories from 0, [] for none')
    for answer in answers:
        if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(memories):
            raise InvalidInput(f"{place}: the answer {answer!r} is no place in its memories: 0 to {len(memories) - 1}")
    return PlainQuestion(
        id=place,
        text=question,
        memories=memories,
        answers=tuple(dict.fromkeys(answers)),
        domain=_parse_label(value, "domain", place),
        kind=_parse_label(value, "kind", place),
        split=_parse_label(value, "split", place),
    )


def _parse_label(value: Mapping[str, Any], key: str, place: str) -> str | None:
    label = value.get(key)
    if label is not None and (not isinstance(label, str) or not label.strip()):
        raise InvalidInput(f'{place}: "{key}" is {label!r}: expected a text that is not blank')
    return label
