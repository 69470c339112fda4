"""From a configuration to a runtime: which file, which engines."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.config import Config, default_path
from holdfast.errors import ConfigError, StorageError
from holdfast.index.snapshot import snapshot_path
from holdfast.protocols import ChatModel, Embedder
from holdfast.providers.registry import Unavailable, chat_model, default_engines, embedder, reranker, spec_of
from holdfast.runtime.embedder_guard import EMBEDDER_SETTING, ENGINES_SETTING
from holdfast.runtime.runtime import Defaults, Engines, Prompts, Runtime
from holdfast.stores.protocol import Store
from holdfast.stores.sqlite.file import IN_MEMORY
from holdfast.stores.sqlite.store import SqliteStore

_log = logging.getLogger("holdfast")


def open_runtime(config: Config, environ: Mapping[str, str] = os.environ) -> Runtime:
    """Open the store and the engines that `config` names.

    Engines that are not named are those the store was built with; for a new store OpenAI's when `OPENAI_API_KEY` is
    set, else those that need no key. One the store was built with that cannot be made here leaves the store open for
    all that does not need it; it is logged once.

    Raises:
        ConfigError: An engine that is named, or a new store's, cannot be made.
        ImportError: Its package is not installed.
        EmbedderMismatch: The store's vectors come from another embedder than the one that is named.
        StorageError: The file cannot be used.
    """
    path = str(config.path if config.path is not None else default_path(environ))
    # Engines that cannot be made must not leave an empty file behind.
    engines = None if path == IN_MEMORY or Path(path).exists() else _engines(config, Recorded(), environ)
    store = SqliteStore(path, synchronous=config.synchronous)
    try:
        recorded = recorded_in(store)
        engines = engines or _engines(config, recorded, environ)
        runtime = Runtime(
            store=store,
            engines=engines,
            lock=store.deriving_lock,
            snapshot=None if path == IN_MEMORY else snapshot_path(Path(path)),
            prompts=Prompts(
                extraction=config.custom_fact_extraction_prompt,
                reconciliation=config.custom_update_memory_prompt,
                instructions=config.custom_instructions or "",
            ),
            defaults=Defaults(config.keep_turns, config.rerank, config.filter_memories),
            count_tokens=config.count_tokens,
            engine_specs={"llm": spec_of(engines.llm), "embedder": spec_of(engines.embedder)},
            own_engines=_made_here(engines, config),
        )
        if EMBEDDER_SETTING not in recorded.problems:
            runtime.check_embedder()
    except BaseException:
        store.close()
        raise
    _warn(path, engines, recorded)
    _log.info("holdfast: %s, %s", path, ", ".join(f"{role} {name}" for role, name in engine_names(runtime).items()))
    return runtime


def engine_names(runtime: Runtime) -> dict[str, str | None]:
    """Return what decides, embeds and reranks, in words."""
    engines, vectors = runtime.engines, runtime.engines.embedder
    return {
        "llm": "rules" if engines.llm is None else _described(engines.llm),
        "embedder": str(vectors) if isinstance(vectors, Unavailable) else vectors.fingerprint,
        "reranker": None if engines.reranker is None else _described(engines.reranker),
    }


def _engines(config: Config, recorded: Recorded, environ: Mapping[str, str]) -> Engines:
    """Return the engines that `config` names, and for those it does not name what the store was built with."""
    model = recorded_chat_model(recorded, environ) if config.llm is None else chat_model(config.llm)
    vectors = recorded_embedder(recorded, environ) if config.embedder is None else embedder(config.embedder)
    # How results are judged is a matter of who asks; the store does not record it.
    judge = None if config.reranker is None else reranker(config.reranker, llm=model)
    # Searching would refuse it too, but inside a framework that error is a line in a log.
    if config.rerank and judge is None:
        raise ConfigError("rerank is on, and there is no reranker: name one, such as reranker='llm'")
    if config.filter_memories and model is None:
        raise ConfigError("filter_memories is on, and there is no chat model: name one as llm")
    return Engines(embedder=vectors, llm=model, reranker=judge)


def _made_here(engines: Engines, config: Config) -> list[object]:
    """Return the engines that no caller brought along: they are closed with the runtime."""
    made = [(engines.llm, config.llm), (engines.embedder, config.embedder)]
    own: list[object] = [engine for engine, given in made if engine is not given]
    rater = getattr(engines.reranker, "chat_model", None)
    if engines.reranker is not config.reranker and rater is not engines.llm:
        own.append(rater)
    return own


def _warn(path: str, engines: Engines, recorded: Recorded) -> None:
    missing = [engine for engine in (engines.llm, engines.embedder) if isinstance(engine, Unavailable)]
    troubles = dict.fromkeys((*recorded.problems.values(), *map(str, missing)))
    if troubles:
        _log.warning("holdfast: %s is open for what needs no model: %s", path, "; ".join(troubles))


def _described(engine: object) -> str:
    if isinstance(engine, Unavailable):
        return str(engine)
    model = getattr(engine, "model", None)
    return f"{type(engine).__name__}({model})" if isinstance(model, str) else type(engine).__name__


_LOST = "a damaged setting no longer says which it is: name it when you open the store, or see `holdfast doctor`"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a store says of its engines.

    Attributes:
        specs: How to make them, by role; `None` for one that only its caller can make.
        vectors: The `fingerprint` and `dimensions` of the embedder its vectors come from; `None` when there are none,
            or when that is damaged.
        problems: What is wrong with either, by the setting's name.
    """

    specs: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Any] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever recorded: there is nothing to read, so nothing may stand in."""
        return self.vectors is None and not self.problems


def recorded_in(store: Store) -> Recorded:
    """Return what `store` says of its engines; what is damaged is told, not raised, so that the rest can be read."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in (ENGINES_SETTING, EMBEDDER_SETTING):
        try:
            found[name] = store.get_setting(name)
        except StorageError as error:
            problems[name] = str(error)
    return Recorded(found.get(ENGINES_SETTING) or {}, found.get(EMBEDDER_SETTING), problems)


def recorded_chat_model(recorded: Recorded, environ: Mapping[str, str]) -> ChatModel | None:
    """Return the chat model a store was built with, by default what the environment offers; `None` for the rules.

    Raises:
        ConfigError: A store without any record, and what the environment offers cannot be made.
        ImportError: The same for want of a package.
    """
    if ENGINES_SETTING in recorded.problems:
        return Unavailable("chat model", _LOST)
    spec = recorded.specs.get("llm")
    try:
        return default_engines(environ)[0] if spec is None else chat_model(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return Unavailable(_name(spec) or "chat model", str(error), recorded=spec)


def recorded_embedder(recorded: Recorded, environ: Mapping[str, str]) -> Embedder:
    """Return the embedder a store's vectors come from, by default what the environment offers.

    Raises:
        ConfigError: A store without any record, and what the environment offers cannot be made.
        ImportError: The same for want of a package.
    """
    spec = recorded.specs.get("embedder")
    try:
        made = default_engines(environ)[1] if spec is None else embedder(spec)
    except (ConfigError, ImportError) as error:
        if recorded.is_blank:
            raise
        return _stand_in(recorded, str(error))
    if recorded.vectors is None:
        is_sure = recorded.is_blank or spec is not None
        return made if is_sure else _stand_in(recorded, _LOST)
    if made.fingerprint != recorded.vectors["fingerprint"]:
        return _stand_in(
            recorded, f"what can be made here is {made.fingerprint}: open the store with the embedder it was built with"
        )
    return made


def _stand_in(recorded: Recorded, reason: str) -> Unavailable:
    spec, vectors = recorded.specs.get("embedder"), recorded.vectors or {"fingerprint": "", "dimensions": 0}
    name = vectors["fingerprint"] or _name(spec) or "embedder"
    return Unavailable(name, reason, recorded=spec, **vectors)


def _name(spec: Mapping[str, Any] | None) -> str:
    if spec is None:
        return ""
    parts = (spec.get("provider"), (spec.get("config") or {}).get("model"))
    return "/".join(str(part) for part in parts if part)
