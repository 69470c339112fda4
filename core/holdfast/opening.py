"""From a configuration to a core: which file, which engines."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from holdfast.config import Config, default_path
from holdfast.core import Core, Engines, Prompts
from holdfast.index.snapshot import snapshot_path
from holdfast.ports import ChatModel, Embedder
from holdfast.providers import Spec, chat_model, default_engines, embedder, reranker, spec_of
from holdfast.stores.sqlite import IN_MEMORY, SqliteStore

_log = logging.getLogger("holdfast")


def open_core(config: Config, environ: Mapping[str, str] = os.environ) -> Core:
    """Open the store and the engines that `config` names.

    Engines that are not named are those the store was built with; for a new store OpenAI's when `OPENAI_API_KEY` is
    set, else those that need no key.

    Raises:
        ConfigError: An engine cannot be made.
        EmbedderMismatch: The store's vectors come from another embedder.
        StorageError: The file cannot be used.
    """
    path = str(config.path if config.path is not None else default_path(environ))
    # Engines that cannot be made must not leave an empty file behind.
    engines = None if path == IN_MEMORY or Path(path).exists() else _engines(config, {}, environ)
    store = SqliteStore(path, synchronous=config.synchronous)
    try:
        engines = engines or _engines(config, store.settings().get("engines") or {}, environ)
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
            engine_specs={"llm": spec_of(engines.llm), "embedder": spec_of(engines.embedder)},
            own_engines=_made_here(engines, config),
        )
        core.check_embedder()
    except BaseException:
        store.close()
        raise
    _log.info("holdfast: %s, %s", path, ", ".join(f"{role} {name}" for role, name in engine_names(core).items()))
    return core


def engine_names(core: Core) -> dict[str, str | None]:
    """Return what decides, embeds and reranks, in words."""
    engines = core.engines
    return {
        "llm": "rules" if engines.llm is None else _described(engines.llm),
        "embedder": engines.embedder.fingerprint,
        "reranker": None if engines.reranker is None else _described(engines.reranker),
    }


def _engines(config: Config, recorded: Mapping[str, Any], environ: Mapping[str, str]) -> Engines:
    model_spec = config.llm if config.llm is not None else recorded.get("llm")
    vectors_spec = config.embedder if config.embedder is not None else recorded.get("embedder")
    default_model, default_vectors = (
        (None, None) if model_spec is not None and vectors_spec is not None else default_engines(environ)
    )
    model = default_model if model_spec is None else chat_model(cast("str | Spec | ChatModel", model_spec))
    vectors = default_vectors if vectors_spec is None else embedder(cast("str | Spec | Embedder", vectors_spec))
    assert vectors is not None  # noqa: S101 - one of the two it is
    # How results are judged is a matter of who asks; the store does not record it.
    judge = None if config.reranker is None else reranker(config.reranker, llm=model)
    return Engines(embedder=vectors, llm=model, reranker=judge)


def _made_here(engines: Engines, config: Config) -> list[object]:
    """Return the engines that no caller brought along: they are closed with the core."""
    made = [(engines.llm, config.llm), (engines.embedder, config.embedder)]
    own: list[object] = [engine for engine, given in made if engine is not given]
    rater = getattr(engines.reranker, "chat_model", None)
    if engines.reranker is not config.reranker and rater is not engines.llm:
        own.append(rater)
    return own


def _described(engine: object) -> str:
    model = getattr(engine, "model", None)
    return f"{type(engine).__name__}({model})" if isinstance(model, str) else type(engine).__name__
