"""`add`: from a conversation to memories, in one transaction.

    turns → facts → those not known word for word → their vectors → similar memories → decisions → one write

The model is asked once for the facts, and once more only when something similar is known. Without a model the rules
take both places.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast.core import Core
from holdfast.errors import UnreadableReply
from holdfast.extraction import rules
from holdfast.extraction.facts import Attribution, Decision, Fact, Known, Skipped, Turn
from holdfast.extraction.prompts import (
    EXTRACTION_SCHEMA,
    RECONCILIATION_SCHEMA,
    extraction_messages,
    reconciliation_messages,
    repair_messages,
)
from holdfast.extraction.replies import parse_decisions, parse_facts
from holdfast.flow import Flow, complete, work, write
from holdfast.instants import Moment, calendar_day, instant, moment_of
from holdfast.operations.indexing import indexed, slot_names
from holdfast.operations.inputs import Messages, metadata_of, scope_and_actor, text_of, turns_of
from holdfast.operations.items import AddedItem, AddResult, SkippedItem, added_item, skipped_item
from holdfast.operations.nearest import Neighbour, nearest
from holdfast.ports import ChatMessage, JsonObject
from holdfast.records import MemoryRecord, MemoryType, SourceMessage, is_expired
from holdfast.retrieval.keys import fingerprint
from holdfast.scope import Scope
from holdfast.stores import Indexed, Transaction

MAX_DELETES = 3
"""Most memories one add may delete on a model's word. All can be brought back from their history."""

RECENT_TURNS = 10
_WINDOW = 24_000  # characters of conversation per extraction call


@dataclass(frozen=True, slots=True)
class Observation:
    """What one add says of all its memories."""

    scope: Scope
    actor_id: str | None
    metadata: Mapping[str, Any]
    happened_at: int
    recorded_at: int
    expiration_date: str | None
    immutable: bool

    @property
    def day(self) -> str:
        """The day of the conversation, `YYYY-MM-DD`."""
        return moment_of(self.happened_at).date().isoformat()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact ready to be stored."""

    fact: Fact
    record: MemoryRecord
    entry: Indexed


Decided = tuple[Candidate | None, Decision, Neighbour | None]


def add(
    core: Core,
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
    timestamp: Moment | None = None,
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
        timestamp: When the conversation happened; now by default. It becomes `created_at`.
        expiration_date: Last day (UTC) on which the memories are shown.
        immutable: Refuse later changes.
        prompt: Extraction instructions in the place of the built-in ones, for this call.

    Returns:
        `results` has one event per memory (ADD, UPDATE with the previous text, DELETE), `skipped` everything that
        was not stored with the reason, `inference` who decided: `"model"`, `"rules"` or `"none"`.

    Raises:
        InvalidInput: An argument cannot be used; nothing was stored.
        ProviderError: A model service failed; nothing was stored.
        StorageError: The file could not be written; nothing was stored.
    """
    turns, unread = turns_of(messages)
    scope, actor = scope_and_actor(
        filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id
    )
    recorded_at = core.clock()
    observation = Observation(
        scope=scope,
        actor_id=actor,
        metadata=metadata_of(metadata),
        happened_at=recorded_at if timestamp is None else instant(timestamp),
        recorded_at=recorded_at,
        expiration_date=None if expiration_date is None else calendar_day(expiration_date),
        immutable=bool(immutable),
    )
    if not turns:
        result: AddResult = {"results": [], "skipped": [], "inference": "none"}
    elif not infer:
        result = yield from _add_verbatim(core, turns, observation)
    elif core.engines.llm is None:
        result = yield from _add_by_rules(core, turns, observation)
    else:
        instructions = None if prompt is None else text_of(prompt, name="prompt")
        result = yield from _add_by_model(core, turns, observation, instructions)
    result["skipped"][:0] = [skipped_item(item) for item in unread]
    return result


# Three ways to the candidates


def _add_verbatim(core: Core, turns: Sequence[Turn], observation: Observation) -> Flow[AddResult]:
    said = [turn for turn in turns if turn.role != "system"]
    skipped = [Skipped("system message", turn.content) for turn in turns if turn.role == "system"]
    records = [_record(core, observation, turn.content, turn, _side(turn), memory_type="episodic") for turn in said]
    seen: Counter[tuple[str, str | None, str]] = Counter()
    fingerprints = []
    for record in records:
        words = (record.text, record.speaker, record.role or "")
        fingerprints.append(fingerprint(record, occurrence=seen[words]))
        seen[words] += 1
    entries = list(zip(records, (yield from indexed(core, records)), fingerprints, strict=True))

    def store(transaction: Transaction) -> AddResult:
        core.record_embedder(transaction)
        changes = _Changes(transaction, observation)
        for record, entry, mark in entries:
            changes.insert(record, entry, mark)
        return changes.result("none", skipped)

    return (yield from _stored(core, store))


def _add_by_rules(core: Core, turns: Sequence[Turn], observation: Observation) -> Flow[AddResult]:
    facts, skipped = rules.extract(turns, keep=_sides(observation.scope, turns))
    candidates, known_already = yield from _candidates(core, turns, facts, observation)
    neighbours = yield from work(_neighbours, core, candidates, observation)
    decisions: list[Decided] = []
    known = {neighbour.record.id: neighbour for found in neighbours for neighbour in found}
    for candidate, found in zip(candidates, neighbours, strict=True):
        first = {neighbour.record.id for neighbour in found}
        listed = sorted(known.values(), key=lambda one: one.record.id not in first)
        # "I live in Berlin" from one speaker says nothing about another.
        listed = [one for one in listed if _same_voice(one.record, candidate.record)]
        decision = rules.reconcile(candidate.fact, [_as_known(one) for one in listed])
        target = None if decision.known is None else listed[decision.known]
        decisions.append((candidate, decision, target))
        _note(known, candidate, decision, target)
    return (yield from _apply(core, turns, observation, decisions, "rules", [*skipped, *known_already]))


def _add_by_model(core: Core, turns: Sequence[Turn], observation: Observation, prompt: str | None) -> Flow[AddResult]:
    facts, skipped = yield from _extracted(core, turns, observation, prompt)
    candidates, known_already = yield from _candidates(core, turns, facts, observation)
    neighbours = yield from work(_neighbours, core, candidates, observation)
    known = list({one.record.id: one for found in neighbours for one in found}.values())
    decisions: list[Decided] = [(one, Decision("ADD", None, None, one.fact.text), None) for one in candidates]
    notes: list[Skipped] = []
    if known and candidates:
        decided, notes = yield from _reconciled(core, [one.fact for one in candidates], known, observation)
        decisions = yield from _with_new_texts(core, [_resolved(one, candidates, known) for one in decided])
    return (yield from _apply(core, turns, observation, decisions, "model", [*skipped, *known_already, *notes]))


# Asking the model


def _extracted(
    core: Core, turns: Sequence[Turn], observation: Observation, prompt: str | None
) -> Flow[tuple[list[Fact], list[Skipped]]]:
    """Ask for the facts, in several windows when the conversation is long."""
    earlier, related = yield from work(_context, core, turns, observation)
    recent: Sequence[Turn] = earlier
    sides = _sides(observation.scope, turns)
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    for start, window in _windows(turns):
        messages = extraction_messages(
            window,
            observed_on=observation.day,
            keep="both" if len(sides) > 1 else sides[0],
            recent=recent,
            related=related,
            instructions=core.prompts.instructions,
            prompt=prompt or core.prompts.extraction,
        )
        parse = functools.partial(parse_facts, turns=len(window))
        found, passed = yield from _answered(core, messages, EXTRACTION_SCHEMA, parse, ([], []))
        facts += [replace(fact, turn=None if fact.turn is None else fact.turn + start) for fact in found]
        skipped += passed
        recent = window[-RECENT_TURNS:]
    return facts, skipped


def _reconciled(
    core: Core, facts: Sequence[Fact], known: Sequence[Neighbour], observation: Observation
) -> Flow[tuple[list[Decision], list[Skipped]]]:
    shown = [_as_known(one) for one in known]
    messages = reconciliation_messages(facts, shown, observed_on=observation.day, prompt=core.prompts.reconciliation)
    parse = functools.partial(parse_decisions, facts=facts, known=shown)
    undecided = [Decision("ADD", place, None, fact.text) for place, fact in enumerate(facts)]
    return (yield from _answered(core, messages, RECONCILIATION_SCHEMA, parse, (undecided, [])))


def _answered(
    core: Core,
    messages: list[ChatMessage],
    schema: JsonObject,
    parse: Any,
    otherwise: tuple[list[Any], list[Skipped]],
) -> Flow[tuple[list[Any], list[Skipped]]]:
    """Return the parsed reply; an unreadable one is asked for once more, and then said to be so."""
    model = core.engines.llm
    assert model is not None  # noqa: S101 - callers have seen to it
    reply = yield from complete(model, messages, schema=schema)
    try:
        return parse(reply)  # type: ignore[no-any-return]
    except UnreadableReply as problem:
        again = repair_messages(messages, reply, str(problem))
    reply = yield from complete(model, again, schema=schema)
    try:
        return parse(reply)  # type: ignore[no-any-return]
    except UnreadableReply as problem:
        usable, skipped = otherwise
        return usable, [*skipped, Skipped("unreadable reply", reply, str(problem))]


def _windows(turns: Sequence[Turn]) -> Iterator[tuple[int, Sequence[Turn]]]:
    """Yield the conversation in runs of turns that fit one call, each with the number of its first turn."""
    start = size = 0
    for place, turn in enumerate(turns):
        if place > start and size + len(turn.content) > _WINDOW:
            yield start, turns[start:place]
            start, size = place, 0
        size += len(turn.content)
    yield start, turns[start:]


def _context(core: Core, turns: Sequence[Turn], observation: Observation) -> tuple[list[Turn], list[str]]:
    """Return the scope's last turns, and the memories that share words with this conversation."""
    messages = core.store.recent_messages(observation.scope, RECENT_TURNS)
    recent = [Turn(message.role, message.content, message.name) for message in messages]
    related = nearest(core, observation.scope, text=" ".join(turn.content for turn in turns)[:_WINDOW])
    return recent, [one.record.text for one in related]


# From facts to candidates


def _candidates(
    core: Core, turns: Sequence[Turn], facts: Sequence[Fact], observation: Observation
) -> Flow[tuple[list[Candidate], list[Skipped]]]:
    """Return the facts that are not known word for word, with their vectors."""
    records: dict[bytes, tuple[Fact, MemoryRecord]] = {}
    for fact in facts:
        record = _fact_record(core, turns, fact, observation)
        records.setdefault(fingerprint(record), (fact, record))
    today = core.today().isoformat()
    twins = yield from work(core.store.twins, list(records), today=today) if records else _nothing()
    fresh = [pair for mark, pair in records.items() if mark not in twins]
    known = [Skipped("duplicate", records[mark][0].text, f"already known as {twin}") for mark, twin in twins.items()]
    entries = yield from indexed(core, [record for _, record in fresh])
    return [Candidate(fact, record, entry) for (fact, record), entry in zip(fresh, entries, strict=True)], known


def _nothing() -> Flow[dict[bytes, str]]:
    return {}
    yield  # what makes it a flow


def _neighbours(core: Core, candidates: Sequence[Candidate], observation: Observation) -> list[list[Neighbour]]:
    return [
        nearest(core, observation.scope, vector=one.entry.vector, slots=slot_names(one.fact.text)) for one in candidates
    ]


def _fact_record(core: Core, turns: Sequence[Turn], fact: Fact, observation: Observation) -> MemoryRecord:
    source = None if fact.turn is None else turns[fact.turn]
    return _record(core, observation, fact.text, source, fact.attributed_to)


def _record(
    core: Core,
    observation: Observation,
    text: str,
    source: Turn | None,
    attributed_to: Attribution | None,
    memory_type: MemoryType = "semantic",
) -> MemoryRecord:
    speaker = None if source is None else source.name
    return MemoryRecord(
        id=core.new_id(),
        text=text,
        scope=observation.scope,
        created_at=observation.happened_at,
        updated_at=observation.happened_at,
        recorded_at=observation.recorded_at,
        actor_id=observation.actor_id or speaker,
        role=None if source is None else source.role,
        attributed_to=attributed_to,
        speaker=speaker,
        memory_type=memory_type,
        metadata=observation.metadata,
        expiration_date=observation.expiration_date,
        immutable=observation.immutable,
    )


def _side(turn: Turn) -> Attribution | None:
    return turn.role if turn.role in ("user", "assistant") else None  # type: ignore[return-value]


def _sides(scope: Scope, turns: Sequence[Turn]) -> list[Attribution]:
    """Return whose facts are kept: the user's, the assistant's in an agent's own memory, both where both are named."""
    speaks = any(turn.role == "assistant" for turn in turns)
    if scope.agent_id is None or not speaks:
        return ["user"]
    return ["assistant"] if scope.user_id is None else ["user", "assistant"]


# Deciding and storing


def _as_known(neighbour: Neighbour) -> Known:
    return Known(neighbour.record.id, neighbour.record.text, neighbour.similarity)


def _same_voice(known: MemoryRecord, new: MemoryRecord) -> bool:
    return known.speaker == new.speaker and known.attributed_to in (new.attributed_to, None)


def _note(known: dict[str, Neighbour], candidate: Candidate, decision: Decision, target: Neighbour | None) -> None:
    """Let the facts that follow see what this one changes."""
    if decision.event == "ADD":
        known[candidate.record.id] = Neighbour(candidate.record, 0.0)
    elif target is not None and decision.event == "UPDATE":
        known[target.record.id] = Neighbour(replace(target.record, text=decision.text), 0.0)
    elif target is not None and decision.event == "DELETE":
        known.pop(target.record.id, None)


def _resolved(decision: Decision, candidates: Sequence[Candidate], known: Sequence[Neighbour]) -> Decided:
    candidate = None if decision.fact is None else candidates[decision.fact]
    return candidate, decision, None if decision.known is None else known[decision.known]


def _with_new_texts(core: Core, decisions: Sequence[Decided]) -> Flow[list[Decided]]:
    """Give the texts a model worded anew their vectors, in one call."""
    reworded = [
        place
        for place, (candidate, decision, _) in enumerate(decisions)
        if candidate is not None
        and decision.event in ("ADD", "UPDATE")
        and decision.text not in ("", candidate.fact.text)
    ]
    records = [replace(decisions[place][0].record, text=decisions[place][1].text) for place in reworded]  # type: ignore[union-attr]
    entries = yield from indexed(core, records)
    changed = list(decisions)
    for place, record, entry in zip(reworded, records, entries, strict=True):
        candidate, decision, target = changed[place]
        changed[place] = (replace(candidate, record=record, entry=entry), decision, target)  # type: ignore[type-var]
    return changed


def _apply(
    core: Core,
    turns: Sequence[Turn],
    observation: Observation,
    decisions: Sequence[Decided],
    inference: str,
    skipped: Sequence[Skipped],
) -> Flow[AddResult]:
    messages = [
        SourceMessage(turn.role, turn.content, turn.name, observation.happened_at)
        for turn in turns
        if turn.role != "system"
    ]
    places = [place for place, turn in enumerate(turns) if turn.role != "system"]

    def store(transaction: Transaction) -> AddResult:
        core.record_embedder(transaction)
        kept = transaction.keep_messages(observation.scope, messages, recorded_at=observation.recorded_at)
        changes = _Changes(transaction, observation, sources=dict(zip(places, kept, strict=True)))
        for candidate, decision, target in decisions:
            changes.carry_out(candidate, decision, target)
        return changes.result(inference, skipped)

    return (yield from _stored(core, store))


def _stored(core: Core, store: Any) -> Flow[AddResult]:
    result: AddResult = yield from write(core.store, store)
    core.embedder_is_recorded()
    return result


class _Changes:
    """Carries decisions out inside one transaction, seeing once more whether they still hold."""

    def __init__(
        self, transaction: Transaction, observation: Observation, *, sources: Mapping[int, int] | None = None
    ) -> None:
        self._transaction = transaction
        self._observation = observation
        self._sources = sources or {}
        self._results: list[AddedItem] = []
        self._skipped: list[SkippedItem] = []
        self._deletes = 0
        self._written: set[str] = set()

    def result(self, inference: str, skipped: Sequence[Skipped]) -> AddResult:
        return {
            "results": self._results,
            "skipped": [*map(skipped_item, skipped), *self._skipped],
            "inference": inference,
        }

    def carry_out(self, candidate: Candidate | None, decision: Decision, target: Neighbour | None) -> None:
        if decision.event == "DELETE" and target is not None:
            self._delete(target.record)
        elif candidate is None:
            return
        elif decision.event == "UPDATE" and target is not None:
            self._update(target.record, candidate, decision.text or candidate.fact.text)
        elif decision.event == "ADD":
            self.insert(candidate.record, candidate.entry, fingerprint(candidate.record), candidate.fact.turn)
        else:
            known = None if target is None else target.record.id
            self._skip(decision.reason or "already known", candidate.fact.text, memory_id=known)

    def insert(self, record: MemoryRecord, entry: Indexed, mark: bytes, turn: int | None = None) -> None:
        sources = [self._sources[turn]] if turn is not None and turn in self._sources else []
        twin = self._transaction.insert(record, entry, fingerprint=mark, sources=sources)
        if twin is None:
            self._results.append(added_item(record, "ADD"))
        elif self._expired(twin):
            self.insert(record, entry, mark, turn)
        else:
            self._skip("duplicate", record.text, memory_id=twin)

    def _expired(self, memory_id: str) -> bool:
        """Clear the way for a memory that says again what an expired one said; return whether there was one."""
        record = self._transaction.get(memory_id)
        if record is None or not is_expired(record, self._observation.recorded_at):
            return False
        self._remove(record)
        return True

    def _update(self, shown: MemoryRecord, candidate: Candidate, text: str) -> None:
        now = self._transaction.get(shown.id)
        if now is None or (now.text != shown.text and now.id not in self._written):
            # Someone else changed or removed it meanwhile: what was heard is kept beside it.
            self.insert(candidate.record, candidate.entry, fingerprint(candidate.record), candidate.fact.turn)
            return
        if now.immutable:
            self._skip("immutable", text, memory_id=now.id)
            return
        new = replace(
            now,
            text=text,
            updated_at=max(self._observation.happened_at, now.created_at),
            role=candidate.record.role,
            speaker=candidate.record.speaker,
            attributed_to=candidate.record.attributed_to,
            metadata={**now.metadata, **candidate.record.metadata},
            expiration_date=candidate.record.expiration_date,
            immutable=candidate.record.immutable,
        )
        self._written.add(now.id)
        self._transaction.revise(
            now,
            new,
            indexed=candidate.entry,
            fingerprint=fingerprint(new),
            happened_at=self._observation.happened_at,
            recorded_at=self._observation.recorded_at,
        )
        self._results.append(added_item(new, "UPDATE", previous=now.text))

    def _delete(self, shown: MemoryRecord) -> None:
        now = self._transaction.get(shown.id)
        if now is None or now.text != shown.text:
            self._skip("changed meanwhile", shown.text, memory_id=shown.id)
        elif now.immutable:
            self._skip("immutable", now.text, memory_id=now.id)
        elif self._deletes == MAX_DELETES:
            self._skip("too many deletes", now.text, memory_id=now.id)
        else:
            self._deletes += 1
            self._remove(now)
            self._results.append(added_item(now, "DELETE"))

    def _remove(self, record: MemoryRecord) -> None:
        happened_at, recorded_at = self._observation.happened_at, self._observation.recorded_at
        self._transaction.remove(record, happened_at=happened_at, recorded_at=recorded_at)

    def _skip(self, reason: str, text: str, *, memory_id: str | None = None) -> None:
        self._skipped.append(skipped_item(Skipped(reason, text), memory_id=memory_id))
