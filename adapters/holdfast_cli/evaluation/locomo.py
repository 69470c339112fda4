"""Read conversations and questions with evidence from files in LoCoMo's format."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast import InvalidInput
from holdfast_cli.conversation_files import Conversation, parse_sessions
from holdfast_cli.options import read_file

CATEGORIES: Mapping[int, str] = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
"""The names of the format's categories. The fifth, questions without an answer, is not scored."""

_UNSCORED_CATEGORY = 5
_SEPARATORS = re.compile(r"[\s,;]+")
_EXPECTED = 'expected LoCoMo\'s format, a JSON list of {"sample_id", "qa", "conversation"}'


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: The conversation and the number of the question in it, from 1.
        text: The question.
        category: One of the values of `CATEGORIES`.
        evidence: The labels of the turns that answer it, at least one.
    """

    id: str
    text: str
    category: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation of several sessions, and the questions about it."""

    id: str
    sessions: Sequence[Conversation]
    questions: Sequence[Question]


def read_samples(paths: Sequence[str]) -> list[Sample]:
    """Return the conversations of the files, in order.

    Raises:
        InvalidInput: A file cannot be read or has another format, two conversations have the same name, or no
            question names an existing turn.
    """
    return parse_samples([(path, read_file(path)) for path in paths])


def parse_samples(files: Sequence[tuple[str, str]]) -> list[Sample]:
    """Return the conversations of files that are read, each with its path (see `read_samples`)."""
    samples = [sample for path, text in files for sample in _parse_file(path, text)]
    named: set[str] = set()
    for sample in samples:
        if sample.id in named:
            raise InvalidInput(f"the conversation {sample.id} is there twice: give every file once")
        named.add(sample.id)
    if not any(sample.questions for sample in samples):
        names = ", ".join(path for path, _ in files)
        raise InvalidInput(f'{names}: no question under "qa" names a turn there is: nothing can be scored')
    return samples


def _parse_file(path: str, text: str) -> Iterator[Sample]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: it is not JSON ({error}): {_EXPECTED}") from error
    try:
        for number, value in enumerate(document if isinstance(document, list) else [document], 1):
            yield _parse_sample(value, f"item {number}")
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error


def _parse_sample(value: Any, place: str) -> Sample:
    if not isinstance(value, dict) or not isinstance(value.get("conversation"), dict):
        raise InvalidInput(f"{place} has no conversation: {_EXPECTED}")
    if not isinstance(value.get("qa"), list):
        raise InvalidInput(f'{place} has no questions under "qa": {_EXPECTED}')
    name = str(value.get("sample_id") or place)
    # A sample without a name gets one, so that two of them do not share a user.
    sessions = [replace(one, ids={**one.ids, "user_id": name}) for one in parse_sessions(value, name)]
    labels = {label for session in sessions for label in session.labels if label is not None}
    return Sample(name, sessions, list(_parse_questions(value["qa"], name, labels)))


def _parse_questions(listed: Sequence[Any], name: str, labels: Collection[str]) -> Iterator[Question]:
    for number, value in enumerate(listed, 1):
        place = f"{name}/{number}"
        if not isinstance(value, dict) or not isinstance(value.get("question"), str) or not value["question"].strip():
            raise InvalidInput(f'{place} is not a question: it needs "question", "evidence" and "category"')
        evidence = _parse_evidence(value.get("evidence"), place, labels)
        category = _parse_category(value.get("category"), place)
        if category is not None and evidence:
            yield Question(place, value["question"], category, evidence)


def _parse_category(value: Any, place: str) -> str | None:
    """Return the name of the category, `None` if it is not scored."""
    if not isinstance(value, int) or (value != _UNSCORED_CATEGORY and value not in CATEGORIES):
        raise InvalidInput(f"{place} has the category {value!r}: 1 to 5 are known")
    return CATEGORIES.get(value)


def _parse_evidence(value: Any, place: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the labels of existing turns; an entry may hold several, as in `D8:6; D9:17`, or an unknown one."""
    listed = value or []
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise InvalidInput(f"{place} has evidence that is not a list of turns, such as D3:11")
    names = [name for entry in listed for name in _SEPARATORS.split(entry)]
    return tuple(dict.fromkeys(name for name in names if name in labels))
