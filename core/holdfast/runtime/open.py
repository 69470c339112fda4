"""Open a memory: the file and the engines that a configuration names, or that the store has recorded."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.config import Config, default_path
from holdfast.errors import ConfigError, EmbedderMismatch, StorageError
from holdfast.index.snapshot import snapshot_path
from holdfast.protocols import ChatModel, Embedder
from holdfast.providers.registry import Unavailable, chat_model, default_engines, embedder, reranker, spec_of
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, ENGINES_SETTING
from holdfast.runtime.live_index import LiveIndex
from holdfast.runtime.runtime import Defaults, Engines, Prompts, Runtime
from holdfast.stores.protocol import Store
from holdfast.stores.sqlite.disk.file import IN_MEMORY, locate
from holdfast.stores.sqlite.store import SqliteStore

_log = logging.getLogger("holdfast")


def open_runtime(config: Config, environ: Mapping[str, str] = os.environ) -> Runtime:
    """Open the store and the engines that `config` names.

    An engine that is not named is the one the store was built with. A new store uses OpenAI when `OPENAI_API_KEY` is
    set, else the engines that need no key. If a recorded engine cannot be made here, the store opens without it, a
    warning is logged once, and every operation that does not need the engine works.

    Raises:
        ConfigError: A named engine, or an engine of a new store, cannot be made.
        ImportError: The package of such an engine is not installed.
        EmbedderMismatch: The store's vectors come from another embedder than the named one.
        InvalidInput: No file can be at the path.
        StorageError: The file cannot be used.
    """
    try:
        return _open(config, environ)
    except EmbedderMismatch:
        if config.embedder is not None:
            raise
        return _open(config, environ)  # another process has just created the store, or given it another embedder


def _open(config: Config, environ: Mapping[str, str]) -> Runtime:
    path = locate(config.path if config.path is not None else default_path(environ))
    # A new file is created only after its engines: a wrong setting must not leave an empty store behind.
    is_new = path != IN_MEMORY and not os.path.exists(path)  # noqa: PTH110 - `Path.exists` raises for some paths
    engines = _make_engines(config, RecordedEngines(), environ) if is_new else None
    store = SqliteStore(path, synchronous=config.synchronous)
    try:
        recorded = read_recorded_engines(store)
        engines = engines or _make_engines(config, recorded, environ)
        runtime = Runtime(
            store=store,
            engines=engines,
            live_index=LiveIndex(
                store, engines.embedder, snapshot=None if path == IN_MEMORY else snapshot_path(Path(path))
            ),
            prompts=Prompts(
                extraction=config.custom_fact_extraction_prompt,
                reconciliation=config.custom_update_memory_prompt,
                instructions=config.custom_instructions or "",
            ),
            defaults=Defaults(config.keep_turns, config.rerank, config.filter_memories),
            count_tokens=config.count_tokens,
            engine_specs={"llm": spec_of(engines.llm), "embedder": spec_of(engines.embedder)},
            own_engines=_own_engines(engines, config),
        )
        if EMBEDDER_SETTING not in recorded.problems:
            runtime.live_index.check_embedder()
    except BaseException:
        store.close()
        raise
    _warn_of_missing_engines(path, engines, recorded)
    _log.info("holdfast: %s, %s", path, ", ".join(f"{role} {name}" for role, name in engine_names(runtime).items()))
    return runtime


def engine_names(runtime: Runtime) -> dict[str, str | None]:
    """Return the name of each engine by role: `llm`, `embedder` and `reranker` (`None` without one)."""
    engines, vectors = runtime.engines, runtime.engines.embedder
    return {
        "llm": "rules" if engines.llm is None else _engine_name(engines.llm),
        "embedder": str(vectors) if isinstance(vectors, Unavailable) else vectors.fingerprint,
        "reranker": None if engines.reranker is None else _engine_name(engines.reranker),
    }


def _make_engines(config: Config, recorded: RecordedEngines, environ: Mapping[str, str]) -> Engines:
    """Return the engines that `config` names, and the recorded ones for those it does not name."""
    model = recorded_chat_model(recorded, environ) if config.llm is None else chat_model(config.llm)
    vectors = recorded_embedder(recorded, environ) if config.embedder is None else embedder(config.embedder)
    # The reranker is a choice of each program; the store does not record it.
    result_reranker = None if config.reranker is None else reranker(config.reranker, llm=model)
    # A search would refuse these too, but inside a framework that error is only a line in a log.
    if config.rerank and result_reranker is None:
        raise ConfigError("rerank is on, and there is no reranker: name one, such as reranker='llm'")
    if config.filter_memories and model is None:
        raise ConfigError("filter_memories is on, and there is no chat model: name one as llm")
    return Engines(embedder=vectors, llm=model, reranker=result_reranker)


def _own_engines(engines: Engines, config: Config) -> list[object]:
    """Return the engines that were made here and not by the caller."""
    made = [(engines.llm, config.llm), (engines.embedder, config.embedder)]
    own: list[object] = [engine for engine, given in made if engine is not given]
    rating_model = getattr(engines.reranker, "chat_model", None)
    if engines.reranker is not config.reranker and rating_model is not engines.llm:
        own.append(rating_model)
    return own


def _warn_of_missing_engines(path: str, engines: Engines, recorded: RecordedEngines) -> None:
    missing = [engine for engine in (engines.llm, engines.embedder) if isinstance(engine, Unavailable)]
    problems = dict.fromkeys((*recorded.problems.values(), *map(str, missing)))
    if problems:
        _log.warning("holdfast: %s opens only for operations that need no model: %s", path, "; ".join(problems))


def _engine_name(engine: object) -> str:
    if isinstance(engine, Unavailable):
        return str(engine)
    model = getattr(engine, "model", None)
    return f"{type(engine).__name__}({model})" if isinstance(model, str) else type(engine).__name__


_LOST_SETTING = (
    "the setting that names it is damaged: name the engine when you open the store, or see `holdfast doctor`"
)


@dataclass(frozen=True, slots=True)
class RecordedEngines:
    """What a store has recorded of its engines.

    Attributes:
        specs: How to make each engine, by role; `None` for one that only its caller can make.
        vectors: The `fingerprint` and `dimensions` of the embedder its vectors come from; `None` when there are no
            vectors yet, or when the record is damaged.
        problems: Damaged settings, by name, each with a sentence about it.
    """

    specs: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Any] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever recorded. Then a missing engine is an error: there is nothing to read without it."""
        return self.vectors is None and not self.problems


def read_recorded_engines(store: Store) -> RecordedEngines:
    """Return what `store` has recorded; damage is reported in `problems`, so that the rest stays readable."""
    recorded = _read_settings(store)
    while (again := _read_settings(store)) != recorded:  # another process has re-embedded between two settings
        recorded = again
    return recorded


def _read_settings(store: Store) -> RecordedEngines:
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in (ENGINES_SETTING, EMBEDDER_SETTING):
        try:
            found[name] = store.get_setting(name)
        except StorageError as error:
            problems[name] = str(error)
    return RecordedEngines(found.get(ENGINES_SETTING) or {}, found.get(EMBEDDER_SETTING), problems)


def recorded_chat_model(recorded: RecordedEngines, environ: Mapping[str, str]) -> ChatModel | None:
    """Return the chat model a store was built with, or the environment's for a new store; `None` means the rules.

    Raises:
        ConfigError: The store is new, and the environment's chat model cannot be made.
        ImportError: The same, because its package is not installed.
    """
    if ENGINES_SETTING in recorded.problems:
        return Unavailable("chat model", _LOST_SETTING)
    spec = recorded.specs.get("llm")
    try:
        return default_engines(environ)[0] if spec is None else chat_model(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return Unavailable(_spec_name(spec) or "chat model", str(error), recorded=spec)


def recorded_embedder(recorded: RecordedEngines, environ: Mapping[str, str]) -> Embedder:
    """Return the embedder a store's vectors come from, or the environment's for a new store.

    Raises:
        ConfigError: The store is new, and the environment's embedder cannot be made.
        ImportError: The same, because its package is not installed.
    """
    spec = recorded.specs.get("embedder")
    try:
        made = default_engines(environ)[1] if spec is None else embedder(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return _unavailable_embedder(recorded, str(error))
    if recorded.vectors is None:
        is_sure = recorded.is_blank or spec is not None
        return made if is_sure else _unavailable_embedder(recorded, _LOST_SETTING)
    if made.fingerprint != recorded.vectors["fingerprint"]:
        return _unavailable_embedder(
            recorded, f"what can be made here is {made.fingerprint}: open the store with the embedder it was built with"
        )
    return made


def _unavailable_embedder(recorded: RecordedEngines, reason: str) -> Unavailable:
    spec, vectors = recorded.specs.get("embedder"), recorded.vectors or {"fingerprint": "", "dimensions": 0}
    name = vectors["fingerprint"] or _spec_name(spec) or "embedder"
    return Unavailable(name, reason, recorded=spec, **vectors)


def _spec_name(spec: Mapping[str, Any] | None) -> str:
    if spec is None:
        return ""
    parts = (spec.get("provider"), (spec.get("config") or {}).get("model"))
    return "/".join(str(part) for part in parts if part)
