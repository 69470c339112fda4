"""The configuration of a memory, in Holdfast's form or in Mem0's."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from platformdirs import user_data_path

from holdfast.errors import ConfigError, InvalidInput, short_repr
from holdfast.paths import path_text, to_path
from holdfast.protocols import ChatModel, Embedder, Reranker, Role, Spec, TokenCounter
from holdfast.providers.mem0_settings import with_vector_store
from holdfast.providers.registry import ignored_settings

_log = logging.getLogger("holdfast")

_PROMPT_FIELDS = ("custom_fact_extraction_prompt", "custom_update_memory_prompt", "custom_instructions")
_BOOLEAN_FIELDS = ("keep_turns", "rerank", "filter_memories")

# Keys of Mem0 without a counterpart: one file holds everything.
_IGNORED_KEYS = ("history_db_path", "version")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a memory, checked.

    Attributes:
        path: The SQLite file, or `":memory:"`; `None` is `default_path`. `~` is the home folder.
        llm: The name of a preset, a `{"provider", "config"}` mapping or a chat model; `None` takes that of the
            store, and for a new store OpenAI's if the environment has a key for it, else the rules.
        embedder: The same for the embedder, with hashing instead of the rules.
        reranker: `"sentence-transformers"`, `"llm"`, a mapping or an object with `score(query, texts)`.
        custom_fact_extraction_prompt: Replaces the prompt that extracts facts.
        custom_update_memory_prompt: Replaces the prompt that reconciles facts with stored memories.
        custom_instructions: Added to the prompt that extracts facts.
        keep_turns: The default of `add`: whether to store every turn next to the facts extracted from it.
        rerank: The default of `search` and `context`: whether the reranker orders the results.
        filter_memories: Their default too: whether the chat model leaves out results irrelevant to the query.
        count_tokens: Returns how many tokens a text has, a whole number from 0; `None` takes the chat model's count, or
            four bytes of UTF-8 for a token if the model cannot count.
        synchronous: `"FULL"` keeps every acknowledged write through a power cut; `"NORMAL"` is faster and keeps it
            through a crash of the process only.
        ignored: Dotted keys of Mem0's configuration that have no effect.

    Raises:
        ConfigError: A value is invalid.

    >>> Config(llm="rules", embedder="hashing", keep_turns=True).keep_turns
    True
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
        try:
            self._check()
        except ConfigError:
            raise
        except Exception as error:  # a value of a foreign class may raise anything when it is looked at
            raise ConfigError(f"a value of the configuration cannot be read: {type(error).__name__}") from error

    def _check(self) -> None:
        if self.path is not None:
            try:
                path_text(self.path)
            except InvalidInput as error:
                raise ConfigError(str(error)) from None
        if self.synchronous not in ("FULL", "NORMAL"):
            raise ConfigError(f"synchronous is {short_repr(self.synchronous)}: use 'FULL' or 'NORMAL'")
        for name in _BOOLEAN_FIELDS:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is {short_repr(getattr(self, name))}: use True or False")
        if self.count_tokens is not None and not callable(self.count_tokens):
            raise ConfigError(
                f"count_tokens is {short_repr(self.count_tokens)}: give a function from a text to a whole number"
            )
        for name in _PROMPT_FIELDS:
            prompt = getattr(self, name)
            if prompt is not None and (not isinstance(prompt, str) or not prompt.strip()):
                raise ConfigError(f"{name} is {short_repr(prompt)}: give the prompt's text, or leave it out")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Config:
        """Return the configuration in `mapping`, with the keys of Holdfast or of Mem0.

        Keys that only Mem0 needs have no effect; they are logged once and listed in `ignored`.

        Raises:
            ConfigError: A key, a provider or a setting is unknown, or two of them contradict each other.

        >>> Config.from_mapping({"llm": "rules", "history_db_path": "history.db"}).ignored
        ('history_db_path',)
        """
        if not isinstance(mapping, Mapping):
            raise ConfigError(f"config is {type(mapping).__name__}: it must be a dictionary")
        given = {key: value for key, value in mapping.items() if value is not None}
        _check_keys(given)
        ignored = [key for key in _IGNORED_KEYS if key in given]
        values = {key: value for key, value in given.items() if key in _OWN_KEYS}
        if "vector_store" in given:
            values, unused = with_vector_store(values, given["vector_store"])
            ignored += unused
        ignored += [name for role in get_args(Role) for name in _ignored_settings_of(role, values)]
        if ignored:
            _log.info("configuration: %s have no effect", ", ".join(ignored))
        return cls(**values, ignored=tuple(ignored))


_OWN_KEYS = tuple(item.name for item in fields(Config) if item.name != "ignored")
_KNOWN_KEYS = (*_OWN_KEYS, "vector_store", *_IGNORED_KEYS)


def default_path(environ: Mapping[str, str]) -> Path:
    """Return the file to use when none is named: in `$HOLDFAST_DIR`, else in the platform's data folder.

    >>> default_path({"HOLDFAST_DIR": "memories"}).as_posix()
    'memories/memory.db'
    """
    folder = environ.get("HOLDFAST_DIR", "").strip()
    return to_path(Path(folder) / "memory.db") if folder else user_data_path("holdfast", appauthor=False) / "memory.db"


def _check_keys(given: Mapping[str, Any]) -> None:
    if given.get("graph_store"):
        raise ConfigError("graph_store is set, but there is no graph store to choose: leave it out")
    for key in given:
        if key not in (*_KNOWN_KEYS, "graph_store"):
            close = get_close_matches(str(key), _KNOWN_KEYS, n=1)
            guess = f", did you mean {close[0]!r}" if close else ""
            raise ConfigError(
                f"configuration key {short_repr(key)} is not known{guess}: there are {', '.join(_KNOWN_KEYS)}"
            )


def _ignored_settings_of(role: Role, values: Mapping[str, Any]) -> list[str]:
    spec = values.get(role)
    if not isinstance(spec, (str, Mapping)):
        return []
    return [f"{role}.config.{name}" for name in ignored_settings(role, spec)]
