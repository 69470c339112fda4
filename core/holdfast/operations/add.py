"""`add`: from a conversation to memories, in one transaction.

    turns → facts → without duplicates → embedded → similar memories → decisions → one write

The model is asked once for the facts, and a second time only when something similar is known. Without a model the
rules do both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from holdfast.extraction import rules
from holdfast.extraction.facts import Attribution, Fact, Skipped
from holdfast.operations.add_steps.apply import apply_plan
from holdfast.operations.add_steps.candidates import (
    AddPlan,
    Candidate,
    Draft,
    Observation,
    PlannedChange,
    draft_facts,
    draft_turns,
    embed_drafts,
)
from holdfast.operations.add_steps.extract import extract_facts, load_context
from holdfast.operations.add_steps.recheck import PlanOutdated
from holdfast.operations.add_steps.reconcile import reconcile_with_model, reconcile_with_rules
from holdfast.operations.add_steps.similar import find_similar, find_similar_or_ended
from holdfast.operations.add_steps.unheard import skip_unheard
from holdfast.operations.arguments import (
    Messages,
    check_attribution,
    check_metadata,
    check_scope_and_actor,
    check_switch,
    check_text,
    read_turns,
)
from holdfast.operations.result_items import skipped_item
from holdfast.protocols import ChatModel
from holdfast.results import AddResult
from holdfast.runtime.effects import Flow, work
from holdfast.runtime.runtime import Runtime
from holdfast.timestamps import TimeLike, to_calendar_day, to_microseconds

_MOST_ATTEMPTS = 5
"""Times a model is asked when other adds change what it has decided on; then the rules decide."""


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
    attributed_to: Attribution | None = None,
) -> Flow[AddResult]:
    """Remember what a conversation says.

    Args:
        messages: A string, a message or a list of messages, as dictionaries, tuples or objects, in the shape of any
            usual service or framework: OpenAI (chat completions and Responses), Anthropic, Gemini, Bedrock, Cohere,
            ShareGPT, LangChain, LlamaIndex, AutoGen. A whole request or answer counts as its messages. Roles such as
            `human`, `model` or `developer` are read as `user`, `assistant` or `system`; an unknown role is never the
            user's. A message's `name` is its speaker.
        user_id: The user; at least one of the four scope ids must be given, here or in `filters`.
        agent_id: The agent. With it and without `user_id` the assistant's facts are kept; with both, those of both.
        run_id: The session.
        app_id: The application.
        actor_id: The speaker, for messages that carry no name.
        metadata: JSON stored with every memory; filters can use it. Dates and times become ISO-8601 text (a `datetime`
            in UTC), UUIDs and paths text, a `Decimal` a number, members of an `Enum` their values, sets sorted lists,
            NumPy's scalars and arrays numbers and lists.
        filters: Another place for the ids.
        infer: Extract facts and reconcile them with what is known. `False` stores every message as it is, without
            system messages.
        keep_turns: Store every turn as it was said beside the facts, as a memory of type `"episodic"`. A turn is found
            by its facts as well as by its own words, and no later conversation changes it. `None` takes the value the
            memory was configured with, by default `False`.
        timestamp: When the conversation took place, now by default. It becomes `created_at`.
        expiration_date: The last day (UTC) on which the memories are shown.
        immutable: Refuse later changes.
        prompt: Extraction instructions that replace the built-in ones in this call.
        attributed_to: `"assistant"` when a model wrote the messages as notes about the user, as the tools of an agent
            do: they are stored as the model's, and none becomes an instruction. By default the roles of the messages
            say who speaks.

    Returns:
        `results` has one event per memory: ADD, UPDATE with the previous text, or DELETE. `skipped` has everything
        that was not stored, with the reason. `inference` says what decided: `"model"`, `"rules"` or `"none"`. With
        `keep_turns`, `turns` has every stored turn with its `facts`.

    Raises:
        InvalidInput: An argument cannot be used; nothing was stored.
        ProviderError: A model service failed; nothing was stored.
        StorageError: The file could not be written; nothing was stored.

    >>> from holdfast import Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> added = memory.add("I live in Lisbon.", user_id="ana")
    >>> added = memory.add("I moved to Porto.", user_id="ana")
    >>> event = added["results"][0]
    >>> event["event"], event["previous_memory"], event["memory"]
    ('UPDATE', 'I live in Lisbon.', 'I moved to Porto.')
    """
    turns, unread = read_turns(messages)
    scope, actor = check_scope_and_actor(
        filters, user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id, actor_id=actor_id
    )
    with_turns = check_switch(keep_turns, name="keep_turns", default=runtime.defaults.keep_turns)
    recorded_at = runtime.clock()
    observation = Observation(
        turns=turns,
        scope=scope,
        actor_id=actor,
        metadata=check_metadata(metadata),
        happened_at=recorded_at if timestamp is None else to_microseconds(timestamp),
        recorded_at=recorded_at,
        expiration_date=None if expiration_date is None else to_calendar_day(expiration_date),
        immutable=bool(immutable),
        attributed_to=check_attribution(attributed_to),
    )
    if not turns:
        result: AddResult = {"results": [], "skipped": [], "inference": "none"}
    elif not infer:
        result = yield from _add_verbatim(runtime, observation)
    elif runtime.engines.llm is None:
        result = yield from _add_by_rules(runtime, observation, keep_turns=with_turns)
    else:
        model, instructions = runtime.engines.llm, None if prompt is None else check_text(prompt, name="prompt")
        result = yield from _add_by_model(runtime, model, observation, instructions, keep_turns=with_turns)
    result["skipped"][:0] = [skipped_item(item) for item in unread]
    return result


def _add_verbatim(runtime: Runtime, observation: Observation) -> Flow[AddResult]:
    skipped = skip_unheard(observation, stored=_kept_turns(observation))
    turns = yield from embed_drafts(runtime, draft_turns(runtime, observation))
    plan = AddPlan("none", [PlannedChange("ADD", turn) for turn in turns], skipped)
    return (yield from apply_plan(runtime, observation, plan))


def _add_by_rules(runtime: Runtime, observation: Observation, *, keep_turns: bool) -> Flow[AddResult]:
    facts, skipped = rules.extract(observation.turns, keep=observation.sides)
    skipped += skip_unheard(observation, stored=_kept_turns(observation) if keep_turns else ())
    drafts, twice = draft_facts(runtime, observation, facts)
    drafts, repeated = yield from _without_duplicates(runtime, drafts)
    turns = draft_turns(runtime, observation, facts) if keep_turns else None
    candidates, kept_turns = yield from _embed(runtime, drafts, turns)
    found = yield from work(find_similar_or_ended, runtime, observation.scope, candidates)
    plan = AddPlan(
        "rules",
        reconcile_with_rules(candidates, found.similar),
        [*skipped, *twice],
        kept_turns,
        repeated,
        candidates=candidates,
        similar=found.similar,
        read_at=found.read_at,
    )
    return (yield from apply_plan(runtime, observation, plan))


def _add_by_model(
    runtime: Runtime, model: ChatModel, observation: Observation, prompt: str | None, *, keep_turns: bool
) -> Flow[AddResult]:
    context = yield from work(load_context, runtime, observation)
    facts, unusable = yield from extract_facts(runtime, model, observation, context, prompt)
    told = {fact.turn for fact in facts if fact.turn is not None}
    unusable += skip_unheard(observation, stored=told | (_kept_turns(observation) if keep_turns else set()))
    drafts, twice = draft_facts(runtime, observation, facts)
    drafts, repeated = yield from _without_duplicates(runtime, drafts)
    skipped = [*unusable, *twice]
    turns = draft_turns(runtime, observation, facts) if keep_turns else None
    candidates, kept_turns = yield from _embed(runtime, drafts, turns)
    for attempt in range(_MOST_ATTEMPTS):
        plan = yield from _decide_with_model(runtime, model, observation, candidates)
        plan = replace(plan, skipped=[*skipped, *plan.skipped], kept_turns=kept_turns, repeated=repeated)
        try:
            may_ask_again = attempt < _MOST_ATTEMPTS - 1
            return (yield from apply_plan(runtime, observation, plan, may_ask_again=may_ask_again))
        except PlanOutdated:
            continue
    raise AssertionError("the last attempt asks nobody again")


def _decide_with_model(
    runtime: Runtime, model: ChatModel, observation: Observation, candidates: Sequence[Candidate]
) -> Flow[AddPlan]:
    found = yield from work(find_similar, runtime, observation.scope, candidates)
    similar = list({one.id: one for of_fact in found.similar for one in of_fact}.values())
    changes = [PlannedChange("ADD", candidate) for candidate in candidates]
    unusable: list[Skipped] = []
    if similar and candidates:
        changes, unusable = yield from reconcile_with_model(runtime, model, observation, candidates, similar)
    return AddPlan("model", changes, unusable, candidates=candidates, similar=found.similar, read_at=found.read_at)


def _kept_turns(observation: Observation) -> set[int]:
    """Return the numbers of the turns that `draft_turns` makes memories of."""
    return {number for number, turn in enumerate(observation.turns) if turn.role != "system"}


def _without_duplicates(runtime: Runtime, drafts: Sequence[Draft]) -> Flow[tuple[list[Draft], list[tuple[Fact, str]]]]:
    """Return the drafts that no memory states word for word, and the other facts, each with the id of its memory."""
    if not drafts:
        return [], []
    # An instruction may confirm what somebody else has said in the same words: that is decided in the transaction.
    hashes = [draft.content_hash for draft in drafts if draft.record.standing != "instruction"]
    known = yield from work(runtime.store.find_duplicates, hashes, today=runtime.today().isoformat())
    new = [draft for draft in drafts if draft.content_hash not in known]
    return new, [(draft.fact, known[draft.content_hash]) for draft in drafts if draft.content_hash in known]


def _embed(
    runtime: Runtime, facts: Sequence[Draft], turns: Sequence[Draft] | None
) -> Flow[tuple[list[Candidate], list[Candidate] | None]]:
    """Embed facts, and the turns kept beside them, in one call."""
    candidates = yield from embed_drafts(runtime, [*facts, *(turns or ())])
    return candidates[: len(facts)], None if turns is None else candidates[len(facts) :]
