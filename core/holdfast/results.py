"""Every dictionary a caller receives or gives, in Mem0's shapes; all are exported from `holdfast`.

Times are ISO-8601 in UTC, ids are text.
"""

from __future__ import annotations

from typing import Any, TypedDict

from typing_extensions import NotRequired

from holdfast.protocols import Json


class MemoryItem(TypedDict):
    """One memory. Ids and attributes that a memory does not have are missing keys, not `None`.

    `updated_at` is when the text last changed; a change of the metadata or the expiration date alone leaves it, and is
    in `history`.
    """

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
    """One event of an `add`: `event` is `"ADD"`, `"UPDATE"` or `"DELETE"`."""

    id: str
    memory: str
    event: str
    previous_memory: NotRequired[str]
    actor_id: NotRequired[str]
    role: NotRequired[str]
    facts: NotRequired[list[str]]


class SkippedItem(TypedDict):
    """Something an `add` did not store, and why.

    `reason` is a short code to test for (`"duplicate"`, `"question"`, `"immutable"`, `"unreadable reply"`, ...), `text`
    the text that was skipped (shortened), `detail` a sentence for people, `rule` the key-free rule that decided, `id`
    the memory it concerns.
    """

    reason: str
    text: str
    detail: NotRequired[str]
    rule: NotRequired[str]
    id: NotRequired[str]


class AddResult(TypedDict):
    """What an `add` did: every event, and everything that was not stored.

    `inference` says what decided: `"model"`, `"rules"` (key-free) or `"none"` (stored verbatim). `turns` are the turns
    stored beside their facts, only with `keep_turns`.
    """

    results: list[AddedItem]
    skipped: list[SkippedItem]
    inference: str
    turns: NotRequired[list[AddedItem]]


class MessageResult(TypedDict):
    """The confirmation of a write; `count` for verbs that write several memories."""

    message: str
    count: NotRequired[int]


class ForgetResult(TypedDict):
    """The receipt of `forget`: the numbers of memories, deleted ones included, of source turns and of versions."""

    message: str
    memories: int
    turns: int
    versions: int


class PruneResult(TypedDict):
    """What `prune_history` has deleted: former states of memories, and source turns."""

    message: str
    versions: int
    turns: int


class HistoryItem(TypedDict):
    """One version of a memory, in Mem0's shape, with the state before and after the change.

    Pass `version` to `rollback`. The change happened at `updated_at` and was recorded at `recorded_at`. What was before
    the first version, or follows a deletion, is `None`; a memory without metadata has `{}`.
    """

    id: str
    version: int
    memory_id: str
    old_memory: str | None
    new_memory: str | None
    old_metadata: dict[str, Json] | None
    new_metadata: dict[str, Json] | None
    old_expiration_date: str | None
    new_expiration_date: str | None
    event: str
    created_at: str
    updated_at: str
    recorded_at: str
    is_deleted: bool
    actor_id: str | None
    role: str | None


class UserItem(TypedDict):
    """One user, agent, run or app that has memories."""

    type: str
    name: str
    total_memories: int
    created_at: str
    updated_at: str


class UserListing(TypedDict):
    """Every user, agent, run and app that has memories, the most recently changed first."""

    count: int
    results: list[UserItem]


class SearchResults(TypedDict):
    """Memories by falling score.

    `explanation` is there when `explain` named a memory. `dropped` has what the chat model found irrelevant, in a
    filtered search that explains. `warnings` are sentences about answers of a model that could not be read.
    """

    results: list[MemoryItem]
    explanation: NotRequired[Explanation]
    dropped: NotRequired[list[MemoryItem]]
    warnings: NotRequired[list[str]]


class Listing(TypedDict):
    """Memories, newest first. With `page`, also their total `count` and the numbers of the pages around this one."""

    results: list[MemoryItem]
    count: NotRequired[int]
    next: NotRequired[int | None]
    previous: NotRequired[int | None]


class Explanation(TypedDict):
    """Why one memory is, or is not, among the results.

    `reason` is one of `"found"`, `"unknown id"`, `"outside the filter"`, `"expired"`, `"below the threshold"`,
    `"outranked"` and `"not relevant"` (said by the chat model). `rank` counts from 1 among all memories that match the
    filter.
    """

    id: str
    reason: str
    rank: NotRequired[int]
    score: NotRequired[float]
    score_details: NotRequired[dict[str, float]]


class DoctorProblem(TypedDict):
    """One problem in a store; `id` is the memory's, `None` when the problem concerns the file."""

    id: str | None
    problem: str


class DoctorReport(TypedDict):
    """What `doctor` found.

    `healthy` is true when there are no problems. `duplicates` counts memories that repeat another memory of their scope
    word for word, which does no harm. `repaired` counts what was moved aside or rebuilt.
    """

    healthy: bool
    memories: int
    duplicates: int
    problems: list[DoctorProblem]
    repaired: int


class Document(TypedDict):
    """A document for `put`: a text under an id of the caller, with optional metadata."""

    memory_id: str
    text: str
    metadata: NotRequired[Any]
    actor_id: NotRequired[str]
    expiration_date: NotRequired[Any]


class ReembedResult(TypedDict):
    """What `reembed` did: the number of memories, and the fingerprint of their embedder."""

    message: str
    count: int
    embedder: str
