"""Engines by name, by description or as they are: chat models, embedders and rerankers.

Nothing here imports a provider's SDK; that happens when an engine is built.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, cast

from holdfast.errors import ConfigError
from holdfast.protocols import ChatModel, Embedder, Reranker, Role, Spec
from holdfast.providers.hashing import HashingEmbedder
from holdfast.providers.langchain import LangChainChat, LangChainEmbeddings, is_chat_model, is_embeddings
from holdfast.providers.llm_reranker import LLMReranker
from holdfast.providers.mem0_settings import (
    IGNORED_OF_RERANKERS,
    IGNORED_SETTINGS,
    our_setting_name,
    provider_and_settings,
    with_chat_model,
)
from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings
from holdfast.providers.presets import PRESETS
from holdfast.providers.sentence_transformers import CrossEncoderReranker, SentenceTransformersEmbedder
from holdfast.providers.unavailable import Unavailable

__all__ = [
    "CrossEncoderReranker",
    "HashingEmbedder",
    "LLMReranker",
    "LangChainChat",
    "LangChainEmbeddings",
    "OpenAIChat",
    "OpenAIEmbeddings",
    "SentenceTransformersEmbedder",
    "Unavailable",
    "chat_model",
    "default_engines",
    "embedder",
    "ignored_settings",
    "reranker",
    "spec_of",
]


def chat_model(spec: str | Spec | ChatModel) -> ChatModel | None:
    """Return the chat model that `spec` names, describes or is; `None` stands for the rules.

    Args:
        spec: `"rules"` or the name of a preset, a mapping with `provider` and `config`, an object with the
            method `complete(messages, *, schema=None)`, or a LangChain chat model.

    Raises:
        ConfigError: There is no such provider or setting, something needed is missing, or the object lacks
            the method.
        ImportError: The provider's package is not installed.
    """
    if isinstance(spec, (str, Mapping)):
        return cast("ChatModel | None", _built("llm", spec))
    if is_chat_model(spec):
        return LangChainChat(spec)
    _require(spec, "llm", complete="the method complete(messages, *, schema=None)")
    return spec


def embedder(spec: str | Spec | Embedder) -> Embedder:
    """Return the embedder that `spec` names, describes or is.

    Args:
        spec: `"hashing"` or the name of a preset, a mapping with `provider` and `config`, an object with
            the method `embed(texts)` and the attributes `dimensions` and `fingerprint`, or a LangChain `Embeddings`.

    Raises:
        ConfigError: There is no such provider or setting, something needed is missing, or the object lacks
            a member.
        ImportError: The provider's package is not installed.
    """
    if isinstance(spec, (str, Mapping)):
        return cast("Embedder", _built("embedder", spec))
    if is_embeddings(spec):
        return LangChainEmbeddings(spec)
    _require(
        spec,
        "embedder",
        embed="the method embed(texts)",
        dimensions="the attribute dimensions, the length of its vectors",
        fingerprint="the attribute fingerprint, such as 'provider:model:dimensions'",
    )
    return spec


def reranker(spec: str | Spec | Reranker, *, llm: ChatModel | None = None) -> Reranker:
    """Return the reranker that `spec` names, describes or is.

    Args:
        spec: `"sentence-transformers"` (a cross-encoder), `"llm"`, a mapping with `provider` and `config`, or an object
            with the method `score(query, texts)`.
        llm: The chat model that rates for `"llm"` when `spec` describes none.

    Raises:
        ConfigError: There is no such provider or setting, no chat model is at hand, or the object lacks the method.
        ImportError: The provider's package is not installed.
    """
    if not isinstance(spec, (str, Mapping)):
        _require(spec, "reranker", score="the method score(query, texts)")
        return spec
    reading = _read("reranker", spec)
    settings = dict(reading.settings)
    if reading.build is _llm_reranker and settings.get("llm") is None:
        settings["llm"] = llm
    return cast("Reranker", reading.build(**settings))


def default_engines(environ: Mapping[str, str]) -> tuple[ChatModel | None, Embedder]:
    """Return the engines of a new store: OpenAI's when `OPENAI_API_KEY` is set, else those that need no key.

    Raises:
        ImportError: The key is set, but the `openai` package is not installed.
    """
    key = environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        return None, HashingEmbedder()
    return OpenAIChat(api_key=key), OpenAIEmbeddings(api_key=key)


def spec_of(engine: ChatModel | Embedder | None) -> dict[str, object] | None:
    """Return a description of `engine`, free of secrets and fit for JSON, from which it can be built again.

    `None`, which stands for the rules, has one too; an object that is not ours has none.
    """
    if engine is None:
        return {"provider": "rules", "config": {}}
    if type(engine) in (HashingEmbedder, OpenAIChat, OpenAIEmbeddings, SentenceTransformersEmbedder, Unavailable):
        return cast("Unavailable", engine).spec()
    return None


def ignored_settings(role: Role, spec: str | Spec) -> tuple[str, ...]:
    """Return the settings of `spec` that are Mem0's and change nothing here; nothing is built.

    Raises:
        ConfigError: No such provider or setting exists.
    """
    return _read(role, spec).ignored


def _rules() -> None:
    """Stand for the rules where a chat model would be built."""


def _llm_reranker(llm: ChatModel | Spec | str | None = None, *, prompt: str | None = None) -> LLMReranker:
    model = None if llm is None else chat_model(llm)
    if model is None:
        raise ConfigError(
            "the reranker 'llm' asks a chat model, and the memory has none: open it with an llm, or say which in"
            " {'provider': 'llm', 'config': {'llm': {...}}}"
        )
    return LLMReranker(model, prompt=prompt)


_Engine = ChatModel | Embedder | Reranker | None

_ENGINES: Mapping[Role, Mapping[str, Callable[..., _Engine]]] = {
    "llm": {
        "rules": _rules,
        "langchain": LangChainChat,
        **{name: partial(OpenAIChat, provider=name) for name in PRESETS},
    },
    "embedder": {
        "hashing": HashingEmbedder,
        "sentence-transformers": SentenceTransformersEmbedder,
        "langchain": LangChainEmbeddings,
        **{name: partial(OpenAIEmbeddings, provider=name) for name in PRESETS},
    },
    "reranker": {
        "sentence-transformers": CrossEncoderReranker,
        "llm": _llm_reranker,
    },
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """A spec as it was understood: what builds the engine, with which settings, and what was left aside."""

    build: Callable[..., _Engine]
    settings: Mapping[str, Any]
    ignored: tuple[str, ...]


def _built(role: Role, spec: str | Spec) -> _Engine:
    reading = _read(role, spec)
    return reading.build(**reading.settings)


def _read(role: Role, spec: str | Spec) -> _Reading:
    provider, config = provider_and_settings(role, spec)
    build = _ENGINES[role].get(provider)
    if build is None:
        known = list(_ENGINES[role])
        guess = _guess(provider, known)
        raise ConfigError(f"{role} provider {provider!r} is not known{guess}: there are {', '.join(known)}")
    without_effect = IGNORED_OF_RERANKERS if role == "reranker" else IGNORED_SETTINGS
    ignored = tuple(name for name in config if name in without_effect)
    config = {name: value for name, value in config.items() if name not in ignored}
    if build is _llm_reranker:
        config = with_chat_model(config)
    accepted = [name for name in inspect.signature(build).parameters if name != "provider"]
    settings = {our_setting_name(name, provider): value for name, value in config.items()}
    for name in settings:
        if name not in accepted:
            takes = ", ".join(accepted) or "no settings"
            guess = _guess(name, accepted)
            raise ConfigError(f"{role} setting {name!r} is not known{guess}: {provider!r} takes {takes}")
    return _Reading(build, settings, ignored)


def _guess(word: object, known: Sequence[str]) -> str:
    close = get_close_matches(str(word), known, n=1)
    return f", did you mean {close[0]!r}" if close else ""


def _require(engine: object, role: Role, **members: str) -> None:
    for name, description in members.items():
        # The class first: asking a local model for its dimensions would load it.
        if not hasattr(type(engine), name) and not hasattr(engine, name):
            raise ConfigError(
                f"the {role}, of type {type(engine).__name__}, lacks {description}:"
                f" give such an object or one of {', '.join(_ENGINES[role])}"
            )
