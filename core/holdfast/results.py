"""The dictionaries a caller receives, in the shapes of Mem0."""

from __future__ import annotations

from typing import Any, TypedDict

from typing_extensions import NotRequired

from holdfast.protocols import Json


class MemoryItem(TypedDict):
    """One memory as a caller sees it. Ids and attributes that are absent have no key."""

    id: str
    memory: str
    hash: str
    metadata: dict[str, Json] | None
    categories: list[str]
    created_at: str
    updated_at: str
    recorded_at: str
    memory_type: str
    user_id: NotRequired[str]
    agent_id: NotRequired[str]
    run_id: NotRequired[str]
    app_id: NotRequired[str]
    actor_id: NotRequired[str]
    role: NotRequired[str]
    attributed_to: NotRequired[str]
    speaker: NotRequired[str]
    expiration_date: NotRequired[str]
    immutable: NotRequired[bool]
    facts: NotRequired[list[str]]
    standing: NotRequired[str]
    score: NotRequired[float]
    score_details: NotRequired[dict[str, float]]


class AddedItem(TypedDict):
    """One event of an add."""

    id: str
    memory: str
    event: str
    previous_memory: NotRequired[str]
    actor_id: NotRequired[str]
    role: NotRequired[str]
    facts: NotRequired[list[str]]


class SkippedItem(TypedDict):
    """Something an add did not store, and why.

    `reason` is a word or two to test for (`"duplicate"`, `"question"`, `"immutable"`, `"unreadable reply"`, ...),
    `text` what it was about (shortened), `detail` a sentence for people.
    """

    reason: str
    text: str
    detail: NotRequired[str]
    id: NotRequired[str]


class AddResult(TypedDict):
    """What an add did: every event, everything that was not stored, and who decided.

    `inference` is `"model"`, `"rules"` (key-free) or `"none"` (stored as it came). `turns` are those kept beside their
    facts, where that was asked for.
    """

    results: list[AddedItem]
    skipped: list[SkippedItem]
    inference: str
    turns: NotRequired[list[AddedItem]]


class MessageResult(TypedDict):
    """What a verb did, in words; `count` for the verbs that touch several memories."""

    message: str
    count: NotRequired[int]


class HistoryItem(TypedDict):
    """One version of a memory, in Mem0's shape.

    `version` is what `rollback` takes. The change happened at `updated_at`; the store heard of it at `recorded_at`.
    """

    id: str
    version: int
    memory_id: str
    old_memory: str | None
    new_memory: str | None
    event: str
    created_at: str
    updated_at: str
    recorded_at: str
    is_deleted: bool
    actor_id: str | None
    role: str | None


class UserItem(TypedDict):
    """Someone who has memories."""

    type: str
    name: str
    total_memories: int
    created_at: str
    updated_at: str


class UserListing(TypedDict):
    """Everyone who has memories, the most recently changed first."""

    count: int
    results: list[UserItem]


class SearchResults(TypedDict):
    """Memories by falling score.

    With it `explanation` when one memory was asked about; `dropped`, of a filtered search that explains, what the model
    judged not to bear on the query; and `warnings`, in sentences, when a judge's answer could not be read.
    """

    results: list[MemoryItem]
    explanation: NotRequired[Explanation]
    dropped: NotRequired[list[MemoryItem]]
    warnings: NotRequired[list[str]]


class Listing(TypedDict):
    """Memories, newest first. With `page`, also the number of all of them and of the pages beside this one."""

    results: list[MemoryItem]
    count: NotRequired[int]
    next: NotRequired[int | None]
    previous: NotRequired[int | None]


class Explanation(TypedDict):
    """Why one memory is, or is not, among the results.

    `reason` is one of `"found"`, `"unknown id"`, `"outside the filter"`, `"expired"`, `"below the threshold"`,
    `"outranked"` and `"not relevant"` (to the model that filtered); `rank` counts from 1 among everything the filter
    lets through.
    """

    id: str
    reason: str
    rank: NotRequired[int]
    score: NotRequired[float]
    score_details: NotRequired[dict[str, float]]


class DoctorProblem(TypedDict):
    """Something that is not as it should be; `id` is the memory's, `None` when it concerns the file."""

    id: str | None
    problem: str


class DoctorReport(TypedDict):
    """What `doctor` found.

    `healthy` is whether there is no damage; `duplicates` counts memories that say word for word what another one of
    their scope says, which harms nothing; `repaired` counts what was set aside or rebuilt.
    """

    healthy: bool
    memories: int
    duplicates: int
    problems: list[DoctorProblem]
    repaired: int


class Document(TypedDict):
    """What is put: a text under an id, with everything that goes with it."""

    memory_id: str
    text: str
    metadata: NotRequired[Any]
    actor_id: NotRequired[str]
    expiration_date: NotRequired[Any]


class ReembedResult(TypedDict):
    """What `reembed` did."""

    message: str
    count: int
    embedder: str
