"""Build chat models, embedders and rerankers from names, descriptions or objects.

Importing this module imports no SDK; building an engine does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, cast

from holdfast.errors import ConfigError, HoldfastError
from holdfast.plain_values import to_plain
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
from holdfast.providers.static_vectors import StaticEmbedder
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
    "StaticEmbedder",
    "Unavailable",
    "chat_model",
    "default_engines",
    "embedder",
    "ignored_settings",
    "reranker",
    "spec_of",
]


def chat_model(spec: str | Spec | ChatModel) -> ChatModel | None:
    """Return the chat model that `spec` names, describes or is; `None` for the rules.

    Args:
        spec: `"rules"` or the name of a preset, a mapping with `provider` and `config`, an object with the
            method `complete(messages, *, schema=None)`, or a LangChain chat model.

    Raises:
        ConfigError: The provider or a setting is unknown, something needed is missing, or the object lacks the
            method.
        ImportError: The provider's package is not installed.

    >>> chat_model("rules") is None
    True
    >>> chat_model("opanai")
    Traceback (most recent call last):
    ...
    holdfast.errors.ConfigError: llm provider 'opanai' is not known, did you mean 'openai': there are rules, ...
    """
    if _looked_at(spec, "llm", isinstance, (str, Mapping)):
        return cast("ChatModel | None", _build("llm", cast("str | Spec", spec)))
    spec = cast("ChatModel", spec)
    if _looked_at(spec, "llm", is_chat_model):
        return LangChainChat(spec)
    _require_members(spec, "llm", complete="the method complete(messages, *, schema=None)")
    return spec


def embedder(spec: str | Spec | Embedder) -> Embedder:
    """Return the embedder that `spec` names, describes or is.

    Args:
        spec: `"hashing"` or the name of a preset, a mapping with `provider` and `config`, an object with
            the method `embed(texts)` and the attributes `dimensions` and `fingerprint`, or a LangChain `Embeddings`.

    Raises:
        ConfigError: The provider or a setting is unknown, something needed is missing, or the object lacks a
            member.
        ImportError: The provider's package is not installed.

    >>> embedder({"provider": "hashing", "config": {"dimensions": 256}})
    HashingEmbedder(dimensions=256)
    """
    if _looked_at(spec, "embedder", isinstance, (str, Mapping)):
        return cast("Embedder", _build("embedder", cast("str | Spec", spec)))
    spec = cast("Embedder", spec)
    if _looked_at(spec, "embedder", is_embeddings):
        return LangChainEmbeddings(spec)
    _require_members(
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
        llm: The chat model for `"llm"` when `spec` describes none.

    Raises:
        ConfigError: The provider or a setting is unknown, there is no chat model, or the object lacks the method.
        ImportError: The provider's package is not installed.
    """
    if not _looked_at(spec, "reranker", isinstance, (str, Mapping)):
        spec = cast("Reranker", spec)
        _require_members(spec, "reranker", score="the method score(query, texts)")
        return spec
    parsed = _parse_spec("reranker", cast("str | Spec", spec))
    settings = dict(parsed.settings)
    if parsed.build is _llm_reranker and settings.get("llm") is None:
        settings["llm"] = llm
    return cast("Reranker", parsed.build(**settings))


def default_engines(environ: Mapping[str, str]) -> tuple[ChatModel | None, Embedder]:
    """Return the engines of a new store: OpenAI's when `OPENAI_API_KEY` is set, else those that need no key.

    Raises:
        ImportError: The key is set, but the `openai` package is not installed.

    >>> default_engines({})
    (None, HashingEmbedder(dimensions=384))
    """
    key = environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        return None, HashingEmbedder()
    return OpenAIChat(api_key=key), OpenAIEmbeddings(api_key=key)


def spec_of(engine: ChatModel | Embedder | None) -> dict[str, object] | None:
    """Return a JSON description of `engine`, without secrets, from which it can be built again.

    `None`, the rules, has one too. An object of the caller has none: the result is `None`.

    >>> spec_of(HashingEmbedder(256))
    {'provider': 'hashing', 'config': {'dimensions': 256}}
    """
    if engine is None:
        return {"provider": "rules", "config": {}}
    described = (
        HashingEmbedder,
        OpenAIChat,
        OpenAIEmbeddings,
        SentenceTransformersEmbedder,
        StaticEmbedder,
        Unavailable,
    )
    if type(engine) in described:
        return cast("Unavailable", engine).spec()
    return None


def ignored_settings(role: Role, spec: str | Spec) -> tuple[str, ...]:
    """Return the settings of `spec` that only Mem0 uses and that have no effect here; builds nothing.

    Raises:
        ConfigError: The provider or a setting is unknown.

    >>> ignored_settings("llm", {"provider": "openai", "config": {"model": "gpt-4o-mini", "top_p": 0.1}})
    ('top_p',)
    """
    return _parse_spec(role, spec).ignored


def _rules() -> None:
    """Return `None`, which means the rules instead of a chat model."""


def _llm_reranker(llm: ChatModel | Spec | str | None = None, *, prompt: str | None = None) -> LLMReranker:
    model = None if llm is None else chat_model(llm)
    if model is None:
        raise ConfigError(
            "the reranker 'llm' asks a chat model, and the memory has none: open it with an llm, or name one in"
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
        "static": StaticEmbedder,
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
class _ParsedSpec:
    """What builds the engine of a spec, with which settings, and the settings that have no effect."""

    build: Callable[..., _Engine]
    settings: Mapping[str, Any]
    ignored: tuple[str, ...]


def _build(role: Role, spec: str | Spec) -> _Engine:
    parsed = _parse_spec(role, spec)
    return parsed.build(**parsed.settings)


def _parse_spec(role: Role, spec: str | Spec) -> _ParsedSpec:
    provider, config = provider_and_settings(role, _plain_spec(role, spec))
    build = _ENGINES[role].get(provider)
    if build is None:
        known = list(_ENGINES[role])
        suggestion = _suggestion(provider, known)
        raise ConfigError(f"{role} provider {provider!r} is not known{suggestion}: there are {', '.join(known)}")
    names_without_effect = IGNORED_OF_RERANKERS if role == "reranker" else IGNORED_SETTINGS
    ignored = tuple(name for name in config if name in names_without_effect)
    config = {name: value for name, value in config.items() if name not in ignored}
    if build is _llm_reranker:
        config = with_chat_model(config)
    accepted = [name for name in inspect.signature(build).parameters if name != "provider"]
    settings = {our_setting_name(name, provider): value for name, value in config.items()}
    for name in settings:
        if name not in accepted:
            takes = ", ".join(accepted) or "no settings"
            suggestion = _suggestion(name, accepted)
            raise ConfigError(f"{role} setting {name!r} is not known{suggestion}: {provider!r} takes {takes}")
    return _ParsedSpec(build, settings, ignored)


def _plain_spec(role: Role, spec: str | Spec) -> str | Spec:
    """Return `spec` with its names as plain values; settings may be objects, such as clients, and stay as they are."""
    try:
        return (
            _plain_text(spec) if isinstance(spec, str) else {to_plain(k, role): _plain_text(v) for k, v in spec.items()}
        )
    except HoldfastError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the {role} cannot be read, {type(error).__name__} was raised: give a name or a dictionary"
        ) from error


def _plain_text(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, str) else value


def _suggestion(word: object, known: Sequence[str]) -> str:
    close = get_close_matches(str(word), known, n=1)
    return f", did you mean {close[0]!r}" if close else ""


def _looked_at(engine: object, role: Role, look: Callable[..., bool], *args: object) -> bool:
    """Return `look(engine, *args)`; an object that raises when its attributes are read is no engine."""
    try:
        return look(engine, *args)
    except Exception as error:
        raise ConfigError(
            f"the {role}, of type {type(engine).__name__}, cannot be used: reading its attributes raised"
            f" {type(error).__name__}"
        ) from error


def _require_members(engine: object, role: Role, **members: str) -> None:
    for name, description in members.items():
        # Look at the class first: reading the dimensions of a local model would load it.
        if not hasattr(type(engine), name) and not _looked_at(engine, role, hasattr, name):
            raise ConfigError(
                f"the {role}, of type {type(engine).__name__}, lacks {description}:"
                f" give such an object or one of {', '.join(_ENGINES[role])}"
            )
