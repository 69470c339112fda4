"""Questions and their evidence from files in LoCoMo's format; the turns are read as `add --file` reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast import InvalidInput
from holdfast_cli.conversations import Conversation, sessions_of
from holdfast_cli.options import text_of_file

CATEGORIES: Mapping[int, str] = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
"""What the format's numbers mean. Its fifth category, questions without an answer, is not scored."""

_UNSCORED = 5
_BETWEEN = re.compile(r"[\s,;]+")
_EXPECTED = 'expected LoCoMo\'s format, a JSON list of {"sample_id", "qa", "conversation"}'


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: The conversation and the question's place in it, from 1.
        text: The question.
        category: One of the values of `CATEGORIES`.
        evidence: The names of the turns that answer it, at least one.
    """

    id: str
    text: str
    category: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation over several sessions, and what is asked about it."""

    id: str
    sessions: Sequence[Conversation]
    questions: Sequence[Question]


def samples_in(paths: Sequence[str]) -> list[Sample]:
    """Return the conversations of the files, in order.

    Raises:
        InvalidInput: A file cannot be read or is of another format, two conversations have one name, or no question
            names a turn that exists.
    """
    samples = [sample for path in paths for sample in _samples_of(path)]
    named: set[str] = set()
    for sample in samples:
        if sample.id in named:
            raise InvalidInput(f"the conversation {sample.id} is there twice: give every file once")
        named.add(sample.id)
    if not any(sample.questions for sample in samples):
        raise InvalidInput(f'{", ".join(paths)}: no question under "qa" names a turn there is: nothing can be scored')
    return samples


def _samples_of(path: str) -> Iterator[Sample]:
    text = text_of_file(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: it is no JSON ({error}): {_EXPECTED}") from error
    try:
        for number, value in enumerate(document if isinstance(document, list) else [document], 1):
            yield _sample(value, f"item {number}")
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error


def _sample(value: Any, place: str) -> Sample:
    if not isinstance(value, dict) or not isinstance(value.get("conversation"), dict):
        raise InvalidInput(f"{place} has no conversation: {_EXPECTED}")
    if not isinstance(value.get("qa"), list):
        raise InvalidInput(f'{place} has no questions under "qa": {_EXPECTED}')
    name = str(value.get("sample_id") or place)
    # Under a name of its own, so that two samples without one stay apart.
    sessions = [replace(one, ids={**one.ids, "user_id": name}) for one in sessions_of(value, name)]
    said = {label for session in sessions for label in session.labels if label is not None}
    return Sample(name, sessions, list(_questions(value["qa"], name, said)))


def _questions(listed: Sequence[Any], name: str, said: Collection[str]) -> Iterator[Question]:
    for number, value in enumerate(listed, 1):
        place = f"{name}/{number}"
        if not isinstance(value, dict) or not isinstance(value.get("question"), str) or not value["question"].strip():
            raise InvalidInput(f'{place} is no question: it needs "question", "evidence" and "category"')
        evidence = _evidence(value.get("evidence"), place, said)
        category = _category(value.get("category"), place)
        if category is not None and evidence:
            yield Question(place, value["question"], category, evidence)


def _category(value: Any, place: str) -> str | None:
    """Return the category's name, `None` when it is not scored."""
    if not isinstance(value, int) or (value != _UNSCORED and value not in CATEGORIES):
        raise InvalidInput(f"{place} has the category {value!r}: 1 to 5 are known")
    return CATEGORIES.get(value)


def _evidence(value: Any, place: str, said: Collection[str]) -> tuple[str, ...]:
    """Return the turns named; some entries hold several, as in `D8:6; D9:17`, and some name no turn there is."""
    listed = value or []
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise InvalidInput(f"{place} has evidence that is no list of turns, such as D3:11")
    names = [name for entry in listed for name in _BETWEEN.split(entry)]
    return tuple(dict.fromkeys(name for name in names if name in said))
