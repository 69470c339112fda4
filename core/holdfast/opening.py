"""From a configuration to a core: which file, which engines."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from holdfast.config import Config, default_path
from holdfast.core import EMBEDDER_SETTING, Core, Defaults, Engines, Prompts
from holdfast.errors import ConfigError
from holdfast.index.snapshot import snapshot_path
from holdfast.providers import Unavailable, chat_model, embedder, reranker, spec_of
from holdfast.recorded import Recorded, recorded_chat_model, recorded_embedder, recorded_in
from holdfast.stores.sqlite import IN_MEMORY, SqliteStore

_log = logging.getLogger("holdfast")


def open_core(config: Config, environ: Mapping[str, str] = os.environ) -> Core:
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
        core = Core(
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
            core.check_embedder()
    except BaseException:
        store.close()
        raise
    _warn(path, engines, recorded)
    _log.info("holdfast: %s, %s", path, ", ".join(f"{role} {name}" for role, name in engine_names(core).items()))
    return core


def engine_names(core: Core) -> dict[str, str | None]:
    """Return what decides, embeds and reranks, in words."""
    engines, vectors = core.engines, core.engines.embedder
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
    """Return the engines that no caller brought along: they are closed with the core."""
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
