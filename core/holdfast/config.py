"""What a memory is built with, in our words or in Mem0's dictionary."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from platformdirs import user_data_path

from holdfast.errors import ConfigError
from holdfast.protocols import ChatModel, Embedder, Reranker, Role, Spec, TokenCounter
from holdfast.providers.mem0_settings import with_vector_store
from holdfast.providers.registry import ignored_settings

_log = logging.getLogger("holdfast")

_PROMPTS = ("custom_fact_extraction_prompt", "custom_update_memory_prompt", "custom_instructions")

_SWITCHES = ("keep_turns", "rerank", "filter_memories")

# Mem0's keys that have no counterpart because nothing of the kind is needed here: one file holds everything.
_IGNORED_KEYS = ("history_db_path", "version")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a memory can be told when it is opened.

    Attributes:
        path: The SQLite file, or `":memory:"`; `None` is `default_path`.
        llm: A preset's name, a `{"provider", "config"}` mapping or a chat model; `None` is the store's own,
            or what the environment offers.
        embedder: The same for the embedder.
        reranker: `"sentence-transformers"`, `"llm"`, a mapping or an object with `score(query, texts)`.
        custom_fact_extraction_prompt: Replaces the prompt that extracts facts.
        custom_update_memory_prompt: Replaces the prompt that reconciles facts with what is known.
        custom_instructions: Added to the prompt that extracts facts.
        keep_turns: Whether `add` keeps every turn beside the facts it told, where the call does not say.
        rerank: Whether `search` and `context` let the reranker decide, where the call does not say.
        filter_memories: Whether they let the chat model leave out what does not bear on the query.
        count_tokens: Returns how many tokens a text has, a whole number from 0; `None` asks the chat model, and takes
            four bytes of UTF-8 for a token where that cannot tell.
        synchronous: `"FULL"` keeps every acknowledged write through a power cut; `"NORMAL"` is faster and
            keeps it through a crash of the process only.
        ignored: Dotted keys of Mem0's dictionary that change nothing here.

    Raises:
        ConfigError: A value cannot be used.
    """

    path: str | os.PathLike[str] | None = None
    llm: str | Spec | ChatModel | None = field(default=None, repr=False)
    embedder: str | Spec | Embedder | None = field(default=None, repr=False)
    reranker: str | Spec | Reranker | None = field(default=None, repr=False)
    custom_fact_extraction_prompt: str | None = None
    custom_update_memory_prompt: str | None = None
    custom_instructions: str | None = None
    keep_turns: bool = False
    rerank: bool = False
    filter_memories: bool = False
    count_tokens: TokenCounter | None = None
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.path is not None and (not isinstance(self.path, (str, os.PathLike)) or not os.fspath(self.path)):
            raise ConfigError(f"path is {self.path!r}: name a file, or ':memory:'")
        if self.synchronous not in ("FULL", "NORMAL"):
            raise ConfigError(f"synchronous is {self.synchronous!r}: use 'FULL' or 'NORMAL'")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {getattr(self, name)!r}: use True or False")
        if self.count_tokens is not None and not callable(self.count_tokens):
            raise ConfigError(f"count_tokens is {self.count_tokens!r}: give a function from a text to a whole number")
        for name in _PROMPTS:
            prompt = getattr(self, name)
            if prompt is not None and (not isinstance(prompt, str) or not prompt.strip()):
                raise ConfigError(f"{name} is {prompt!r}: give the prompt's text, or leave it out")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Config:
        """Return the configuration that `mapping` describes, in our keys or in Mem0's.

        What Mem0 needs and Holdfast does not is left aside, logged once and listed in `ignored`.

        Raises:
            ConfigError: A key, a provider or a setting is not known, or two of them contradict each other.
        """
        given = {key: value for key, value in mapping.items() if value is not None}
        _refuse_unknown(given)
        ignored = [key for key in _IGNORED_KEYS if key in given]
        values = {key: value for key, value in given.items() if key in _OUR_KEYS}
        if "vector_store" in given:
            values, unused = with_vector_store(values, given["vector_store"])
            ignored += unused
        ignored += [name for role in get_args(Role) for name in _unused_settings(role, values)]
        if ignored:
            _log.info("configuration: %s change nothing here", ", ".join(ignored))
        return cls(**values, ignored=tuple(ignored))


_OUR_KEYS = tuple(item.name for item in fields(Config) if item.name != "ignored")
_KEYS = (*_OUR_KEYS, "vector_store", *_IGNORED_KEYS)


def default_path(environ: Mapping[str, str]) -> Path:
    """Return the file used when none is named: in `$HOLDFAST_DIR`, else in the platform's data folder."""
    folder = environ.get("HOLDFAST_DIR", "").strip()
    return (Path(folder).expanduser() if folder else user_data_path("holdfast", appauthor=False)) / "memory.db"


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    if given.get("graph_store"):
        raise ConfigError("graph_store is set, but there is no graph store to choose: leave it out")
    for key in given:
        if key not in (*_KEYS, "graph_store"):
            close = get_close_matches(str(key), _KEYS, n=1)
            guess = f", did you mean {close[0]!r}" if close else ""
            raise ConfigError(f"configuration key {key!r} is not known{guess}: there are {', '.join(_KEYS)}")


def _unused_settings(role: Role, values: Mapping[str, Any]) -> list[str]:
    spec = values.get(role)
    if not isinstance(spec, (str, Mapping)):
        return []
    return [f"{role}.config.{name}" for name in ignored_settings(role, spec)]
