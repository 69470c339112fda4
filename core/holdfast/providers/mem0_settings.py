"""Translate Mem0's configuration to Holdfast's names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from holdfast.errors import ConfigError
from holdfast.paths import path_text, to_path
from holdfast.protocols import Role, Spec
from holdfast.providers.presets import AZURE

_LOCAL_ALIASES = dict.fromkeys(
    ("huggingface", "sentence_transformer", "sentence_transformers"), "sentence-transformers"
)
_PROVIDER_ALIASES: Mapping[Role, Mapping[str, str]] = {
    "llm": {"openai_structured": "openai", "azure_openai_structured": AZURE},
    "embedder": _LOCAL_ALIASES,
    "reranker": {"llm_reranker": "llm", "cross-encoder": "sentence-transformers", **_LOCAL_ALIASES},
}
_SETTING_ALIASES = {"embedding_dims": "dimensions", "scoring_prompt": "prompt"}

IGNORED_SETTINGS = frozenset(
    (
        "enable_vision",
        "memory_add_embedding_type",
        "memory_search_embedding_type",
        "memory_update_embedding_type",
        "reasoning_effort",
        "store",
        "top_k",
        "top_p",
        "vision_details",
    )
)
"""Mem0's settings of chat models and embedders that have no effect here."""

IGNORED_OF_RERANKERS = IGNORED_SETTINGS | {"max_tokens", "normalize", "show_progress_bar"}
"""The same for rerankers. Mem0 rates one memory per call, so its `max_tokens` is too low for an answer about all."""

_FILE_NAME = "holdfast.db"
_IGNORED_FAISS_SETTINGS = ("collection_name", "distance_strategy", "normalize_L2")


def with_chat_model(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an LLM reranker, with those of its chat model moved to a spec under `llm`.

    >>> with_chat_model({"model": "gpt-4o-mini", "temperature": 0.0})
    {'llm': {'provider': 'openai', 'config': {'model': 'gpt-4o-mini', 'temperature': 0.0}}}
    """
    own = {name: value for name, value in config.items() if name in ("llm", "prompt", "scoring_prompt")}
    model = {name: value for name, value in config.items() if name not in own}
    if model and own.get("llm") is not None:
        raise ConfigError(
            f"reranker has both llm and {', '.join(map(repr, model))}: describe its chat model in llm alone"
        )
    if model:
        provider = model.pop("provider", "openai")
        own["llm"] = {"provider": provider, "config": model}
    return own


def provider_and_settings(role: Role, spec: str | Spec) -> tuple[str, dict[str, Any]]:
    """Return the provider's name and the settings of a spec, with `azure_kwargs` merged into them.

    >>> provider_and_settings("embedder", {"provider": "huggingface", "config": {"model": "all-MiniLM-L6-v2"}})
    ('sentence-transformers', {'model': 'all-MiniLM-L6-v2'})
    """
    if isinstance(spec, str):
        return _PROVIDER_ALIASES[role].get(spec, spec), {}
    for key in spec:
        if key not in ("provider", "config"):
            raise ConfigError(f"{role} has the key {key!r}: it takes 'provider' and 'config', which holds the settings")
    provider, config = spec.get("provider", "openai"), spec.get("config") or {}
    azure = (config.get("azure_kwargs") or {}) if isinstance(config, Mapping) else None
    if not isinstance(provider, str) or not isinstance(config, Mapping) or not isinstance(azure, Mapping):
        raise ConfigError(f"{role} must be like {{'provider': 'openai', 'config': {{...}}}}")
    settings = {name: value for name, value in config.items() if name != "azure_kwargs"}
    # Mem0's examples leave Azure's settings blank, which means: from the environment.
    settings |= {name: value for name, value in azure.items() if value}
    return _PROVIDER_ALIASES[role].get(provider, provider), settings


def our_setting_name(name: str, provider: str) -> str:
    """Return Holdfast's name of a setting that Mem0 calls `name`.

    >>> our_setting_name("ollama_base_url", "ollama"), our_setting_name("embedding_dims", "openai")
    ('base_url', 'dimensions')
    """
    return "base_url" if name == f"{provider}_base_url" else _SETTING_ALIASES.get(name, name)


def with_vector_store(values: Mapping[str, Any], store: Any) -> tuple[dict[str, Any], list[str]]:
    """Return `values` with the settings of Mem0's `vector_store`, and the keys of it that have no effect.

    >>> faiss = {"provider": "faiss", "config": {"path": "/data", "normalize_L2": True}}
    >>> values, ignored = with_vector_store({}, faiss)
    >>> values["path"].as_posix(), ignored
    ('/data/holdfast.db', ['vector_store.config.normalize_L2'])
    """
    settings = _faiss_settings(store)
    ignored = [name for name in settings if name in _IGNORED_FAISS_SETTINGS]
    folder, dimensions = settings.get("path"), settings.get("embedding_model_dims")
    merged = dict(values)
    if folder and "path" in values:
        raise ConfigError("both path and vector_store.config.path name a file for the memory: keep one of them")
    if folder:
        merged["path"] = to_path(os.path.join(path_text(folder), _FILE_NAME))  # noqa: PTH118 - `Path` would hide a URI
    if dimensions and "embedder" in values:
        merged["embedder"] = _with_dimensions(values["embedder"], dimensions)
    elif dimensions:
        ignored.append("embedding_model_dims")
    return merged, [f"vector_store.config.{name}" for name in ignored]


def _faiss_settings(store: Any) -> Mapping[str, Any]:
    if not isinstance(store, Mapping) or not isinstance(store.get("config") or {}, Mapping):
        raise ConfigError("vector_store must be like {'provider': 'faiss', 'config': {'path': folder}}")
    provider, settings = store.get("provider"), store.get("config") or {}
    if provider != "faiss":
        raise ConfigError(
            f"vector_store.provider is {provider!r}: Holdfast stores its vectors itself, in its file and a"
            " FAISS index; use 'faiss', or leave vector_store out and give path"
        )
    for name in settings:
        if name not in (*_IGNORED_FAISS_SETTINGS, "path", "embedding_model_dims"):
            raise ConfigError(f"vector_store.config.{name} is not known for faiss: leave it out")
    return settings


def _with_dimensions(embedder: Any, dimensions: int) -> Any:
    """Return the embedder's spec with the length of vectors that Mem0's vector store expects."""
    if isinstance(embedder, str):
        return {"provider": embedder, "config": {"dimensions": dimensions}}
    config = (embedder.get("config") or {}) if isinstance(embedder, Mapping) else None
    own = (
        getattr(embedder, "dimensions", None)
        if config is None
        else config.get("dimensions", config.get("embedding_dims"))
    )
    if own is not None and own != dimensions:
        raise ConfigError(
            f"vector_store.config.embedding_model_dims is {dimensions}, the embedder's dimensions are"
            f" {own}: keep the embedder's alone"
        )
    if config is None or own is not None:
        return embedder
    return {**embedder, "config": {**config, "dimensions": dimensions}}
