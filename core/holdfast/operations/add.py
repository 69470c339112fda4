"""`add`: from a conversation to memories, in one transaction.

    turns → facts → those not known word for word → their vectors → similar memories → decisions → one write

The model is asked once for the facts, and once more only when something similar is known. Without a model the rules
take both places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from holdfast.extraction import rules
from holdfast.extraction.facts import Decision, Fact, Skipped, Turn
from holdfast.operations.add_steps.apply import Changes, ScopeFilled, apply_decisions, commit
from holdfast.operations.add_steps.candidates import (
    Candidate,
    Decided,
    Kept,
    KeptTurn,
    Observation,
    fact_record,
    kept_turns,
    sides_kept,
)
from holdfast.operations.add_steps.extract import extract_facts, load_context
from holdfast.operations.add_steps.reconcile import reconcile_with_model, reconcile_with_rules
from holdfast.operations.add_steps.similar import SimilarMemory, find_similar
from holdfast.operations.arguments import (
    Messages,
    check_metadata,
    check_scope_and_actor,
    check_switch,
    check_text,
    read_turns,
)
from holdfast.operations.index_entries import embed_records, slot_names
from holdfast.operations.result_items import skipped_item
from holdfast.protocols import ChatModel
from holdfast.records import MemoryRecord
from holdfast.results import AddResult
from holdfast.retrieval.index_text import content_hash
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.stores.protocol import Transaction
from holdfast.timestamps import TimeLike, to_calendar_day, to_microseconds


def add(
    runtime: Runtime,
    messages: Messages,
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
    run_id: str | None = None,
    app_id: str | None = None,
    actor_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    filters: Mapping[str, Any] | None = None,
    infer: bool = True,
    keep_turns: bool | None = None,
    timestamp: TimeLike | None = None,
    expiration_date: Any = None,
    immutable: bool = False,
    prompt: str | None = None,
) -> Flow[AddResult]:
    """Remember what a conversation says.

    Args:
        messages: A string, a message or a list of messages in OpenAI's shape. A message's `name` is its speaker.
        user_id: Whose memory it is; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: With it (and no `user_id`) the assistant's facts are kept; with both, those of both sides.
        run_id: The session.
        app_id: The application.
        actor_id: Who spoke, where the messages carry no name.
        metadata: JSON kept with every memory and usable in filters.
        filters: Another place for the ids.
        infer: Extract facts and reconcile them with what is known; `False` keeps every message as it is, system
            messages aside.
        keep_turns: Beside the facts, keep every turn as it was said, as a memory of type `"episodic"` that is found by
            the facts it told as well as by its own words, and that no conversation changes. As the memory was
            configured by default, which is no.
        timestamp: When the conversation happened; now by default. It becomes `created_at`.
        expiration_date: Last day (UTC) on which the memories are shown.
        immutable: Refuse later changes.
        prompt: Extraction instructions in the place of the built-in ones, for this call.

    Returns:
        `results` has one event per memory (ADD, UPDATE with the previous text, DELETE), `skipped` everything that
        was not stored with the reason, `inference` who decided: `"model"`, `"rules"` or `"none"`. With `keep_turns`,
        `turns` has every turn that was kept, with its `facts`.

    Raises:
        InvalidInput: An argument cannot be used; nothing was stored.
        ProviderError: A model service failed; nothing was stored.
        StorageError: The file could not be written; nothing was stored.
    """
    turns, unread = read_turns(messages)
    scope, actor = check_scope_and_actor(
        filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id
    )
    keep = check_switch(keep_turns, name="keep_turns", default=runtime.defaults.keep_turns)
    recorded_at = runtime.clock()
    observation = Observation(
        scope=scope,
        actor_id=actor,
        metadata=check_metadata(metadata),
        happened_at=recorded_at if timestamp is None else to_microseconds(timestamp),
        recorded_at=recorded_at,
        expiration_date=None if expiration_date is None else to_calendar_day(expiration_date),
        immutable=bool(immutable),
    )
    if not turns:
        result: AddResult = {"results": [], "skipped": [], "inference": "none"}
    elif not infer:
        result = yield from _add_verbatim(runtime, turns, observation)
    elif runtime.engines.llm is None:
        result = yield from _add_by_rules(runtime, turns, observation, keep=keep)
    else:
        instructions = None if prompt is None else check_text(prompt, name="prompt")
        result = yield from _add_by_model(runtime, runtime.engines.llm, turns, observation, instructions, keep=keep)
    result["skipped"][:0] = [skipped_item(item) for item in unread]
    return result


def _add_verbatim(runtime: Runtime, turns: Sequence[Turn], observation: Observation) -> Flow[AddResult]:
    skipped = [Skipped("system message", turn.content) for turn in turns if turn.role == "system"]
    said = kept_turns(runtime, turns, observation)
    entries = yield from embed_records(runtime, [turn.record for turn in said])

    def store(transaction: Transaction) -> AddResult:
        runtime.admit(transaction, entries)
        changes = Changes(transaction, observation)
        for turn, entry in zip(said, entries, strict=True):
            changes.insert(turn.record, entry, turn.content_hash)
        return changes.result("none", skipped)

    return (yield from commit(runtime, store))


def _add_by_rules(runtime: Runtime, turns: Sequence[Turn], observation: Observation, *, keep: bool) -> Flow[AddResult]:
    facts, skipped = rules.extract(turns, keep=sides_kept(observation.scope, turns))
    drafts, known_already = yield from _fresh(runtime, _drafts(runtime, turns, facts, observation))
    said = kept_turns(runtime, turns, observation, facts) if keep else None
    candidates, kept = yield from _embedded(runtime, drafts, said)
    neighbours = yield from work(_neighbours, runtime, candidates, observation)
    decisions = reconcile_with_rules(candidates, neighbours)
    return (
        yield from apply_decisions(
            runtime, turns, observation, decisions, "rules", [*skipped, *known_already], kept=kept
        )
    )


def _add_by_model(
    runtime: Runtime,
    model: ChatModel,
    turns: Sequence[Turn],
    observation: Observation,
    prompt: str | None,
    *,
    keep: bool,
) -> Flow[AddResult]:
    around = yield from work(load_context, runtime, turns, observation)
    facts, skipped = yield from extract_facts(runtime, model, turns, observation, around, prompt)
    drafts = _drafts(runtime, turns, facts, observation)
    if not around.alone:
        drafts, known_already = yield from _fresh(runtime, drafts)
        skipped += known_already
    said = kept_turns(runtime, turns, observation, facts) if keep else None
    candidates, kept = yield from _embedded(runtime, drafts, said)
    decisions: list[Decided] = [(one, Decision("ADD", None, None, one.fact.text), None) for one in candidates]
    if around.alone:
        try:
            return (
                yield from apply_decisions(
                    runtime, turns, observation, decisions, "model", skipped, kept=kept, alone=True
                )
            )
        except ScopeFilled:
            pass  # another add was faster: its memories are compared with after all
    neighbours = yield from work(_neighbours, runtime, candidates, observation)
    known = list({one.record.id: one for found in neighbours for one in found}.values())
    if known and candidates:
        decided, notes = yield from reconcile_with_model(
            runtime, model, [one.fact for one in candidates], known, observation
        )
        decisions = yield from _with_new_texts(runtime, [_resolved(one, candidates, known) for one in decided])
        skipped += notes
    return (yield from apply_decisions(runtime, turns, observation, decisions, "model", skipped, kept=kept))


Drafts = dict[bytes, tuple[Fact, MemoryRecord]]


def _drafts(runtime: Runtime, turns: Sequence[Turn], facts: Sequence[Fact], observation: Observation) -> Drafts:
    """Return the facts as the memories they would be, by content hash, so each once."""
    drafts: Drafts = {}
    for fact in facts:
        record = fact_record(runtime, turns, fact, observation)
        drafts.setdefault(content_hash(record), (fact, record))
    return drafts


def _fresh(runtime: Runtime, drafts: Drafts) -> Flow[tuple[Drafts, list[Skipped]]]:
    """Return what is not known word for word, and a note of what is."""
    if not drafts:
        return drafts, []
    twins = yield from work(runtime.store.find_duplicates, list(drafts), today=runtime.today().isoformat())
    known = [Skipped("duplicate", drafts[mark][0].text, f"already known as {twin}") for mark, twin in twins.items()]
    return {mark: draft for mark, draft in drafts.items() if mark not in twins}, known


def _embedded(
    runtime: Runtime, drafts: Drafts, said: Sequence[KeptTurn] | None
) -> Flow[tuple[list[Candidate], list[Kept] | None]]:
    """Give the facts, and the turns that are kept beside them, their vectors in one call."""
    turns = said or []
    records = [record for _, record in drafts.values()]
    entries = yield from embed_records(runtime, [*records, *(turn.record for turn in turns)])
    facts = zip(drafts.values(), entries[: len(records)], strict=True)
    candidates = [Candidate(fact, record, entry) for (fact, record), entry in facts]
    return candidates, None if said is None else list(zip(turns, entries[len(records) :], strict=True))


def _neighbours(
    runtime: Runtime, candidates: Sequence[Candidate], observation: Observation
) -> list[list[SimilarMemory]]:
    return [
        find_similar(
            runtime, observation.scope, vector=one.entry.vector, slots=slot_names(one.fact.text, one.record.speaker)
        )
        for one in candidates
    ]


def _resolved(decision: Decision, candidates: Sequence[Candidate], known: Sequence[SimilarMemory]) -> Decided:
    candidate = None if decision.fact is None else candidates[decision.fact]
    return candidate, decision, None if decision.known is None else known[decision.known]


def _with_new_texts(runtime: Runtime, decisions: Sequence[Decided]) -> Flow[list[Decided]]:
    """Give the texts a model worded anew their vectors, in one call."""
    reworded = [
        place
        for place, (candidate, decision, _) in enumerate(decisions)
        if candidate is not None
        and decision.event in ("ADD", "UPDATE")
        and decision.text not in ("", candidate.fact.text)
    ]
    records = [replace(decisions[place][0].record, text=decisions[place][1].text) for place in reworded]  # type: ignore[union-attr]
    entries = yield from embed_records(runtime, records)
    changed = list(decisions)
    for place, record, entry in zip(reworded, records, entries, strict=True):
        candidate, decision, target = changed[place]
        changed[place] = (replace(candidate, record=record, entry=entry), decision, target)  # type: ignore[type-var]
    return changed
