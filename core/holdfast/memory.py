"""`Memory`, the blocking face, and what it shares with `AsyncMemory`."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from typing_extensions import Self

from holdfast import operations
from holdfast.config import Config
from holdfast.errors import ConfigError, HoldfastError, StorageError
from holdfast.protocols import ChatModel, Embedder, Reranker, Spec
from holdfast.runtime.blocking_driver import blocking
from holdfast.runtime.open import engine_names, open_runtime
from holdfast.runtime.runtime import Runtime
from holdfast.runtime.token_count import TokenCount
from holdfast.stores.sqlite.disk.file import IN_MEMORY


class Face:
    """What `Memory` and `AsyncMemory` share: how they are opened, and their engines.

    Args:
        path: The SQLite file, or `":memory:"`; `~` is the home folder. By default `$HOLDFAST_DIR/memory.db`, else a
            file in the platform's data folder. What is created can be read by its owner only (0600, folders 0700).
        llm: A chat model, the name of a preset (`"openai"`, `"rules"`, ...) or a mapping with provider and config.
        embedder: The same for the embedder (`"openai"`, `"hashing"`, ...).
        reranker: What reorders the results of `search(rerank=True)`: `"sentence-transformers"` (a cross-encoder on
            this machine), `"llm"` (the chat model), a mapping, or an object with `score(query, texts)`.
        config: All other options, and defaults for the four above.

    An engine that is not named is the one the store was built with. A new store uses OpenAI when `OPENAI_API_KEY` is
    set, else the engines that need no key (rules and hashing). If the key or package of a recorded engine is missing,
    the store opens all the same: operations that need the engine raise `ConfigError`, all others work, and `engines`
    says what is missing.

    Raises:
        ConfigError: A named engine or option, or an engine of a new store, is unknown or incomplete.
        ImportError: The package of such an engine is not installed.
        EmbedderMismatch: The store's vectors come from another embedder than the named one.
        StorageError: The file is damaged, too new or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        llm: str | Spec | ChatModel | None = None,
        embedder: str | Spec | Embedder | None = None,
        reranker: str | Spec | Reranker | None = None,
        config: Config | Mapping[str, Any] | None = None,
    ) -> None:
        named: dict[str, Any] = {"path": path, "llm": llm, "embedder": embedder, "reranker": reranker}
        with _reading_configuration():
            base = config if isinstance(config, Config) else Config.from_mapping({} if config is None else config)
            self._config = replace(base, **{key: value for key, value in named.items() if value is not None})
            self._runtime = open_runtime(self._config)
        # Closes the memory when it is garbage-collected, or when the program ends.
        self._close = weakref.finalize(self, self._runtime.close)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Open the memory that a dictionary describes, with Holdfast's keys or Mem0's.

        Raises:
            ConfigError: The dictionary has an unknown key, provider or setting; the error lists the known ones.

        >>> from holdfast import Memory
        >>> memory = Memory.from_config({"path": ":memory:", "embedder": {"provider": "hashing"}})
        >>> memory.engines["embedder"]
        'hashing:1:384'
        """
        with _reading_configuration():
            base = Config.from_mapping(config)
        return cls(config=base)

    @classmethod
    def over(cls, opened: Face) -> Self:
        """Return this face of an open memory; close `opened`, not the new face."""
        face = cls.__new__(cls)
        face._config, face._runtime, face._close = opened._config, opened._runtime, opened._close  # noqa: SLF001 - one class
        return face

    @property
    def runtime(self) -> Runtime:
        """The engines, the store and the index; raises `StorageError` after `close`."""
        if not self._close.alive:
            raise StorageError("this memory is closed: open it again")
        return self._runtime

    @property
    def path(self) -> str:
        """The file, or `":memory:"`."""
        return self._runtime.store.path

    @property
    def engines(self) -> dict[str, str | None]:
        """The name of each engine by role; of an engine that cannot be made here, what is missing."""
        return engine_names(self._runtime)

    @property
    def tokens(self) -> TokenCount:
        """How `context` counts tokens: `tokens.of(text)` counts, `tokens.counted_by` names the counter.

        The first use loads the chat model's tokenizer if it is on this machine, in some 0.3 s.
        """
        return self.runtime.tokens

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        # Frameworks deep-copy agents with everything in them; all copies share one store.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._runtime.store.path == IN_MEMORY:
            raise TypeError("a memory kept in memory cannot be sent to another process: give it a path")
        config = replace(self._config, path=self._runtime.store.path)
        if self._runtime.reembedded:
            config = replace(config, embedder=self._runtime.engine_specs["embedder"] or self._runtime.engines.embedder)
        return _reopen, (type(self), config)

    def __repr__(self) -> str:
        names = ", ".join(f"{role}={name}" for role, name in self.engines.items() if name)
        return f"{type(self).__name__}({self._runtime.store.path!r}, {names})"


@contextlib.contextmanager
def _reading_configuration() -> Iterator[None]:
    """Raise what an object of a foreign class raises, when it is looked at, as a `ConfigError`."""
    try:
        yield
    except (HoldfastError, ImportError):
        raise
    except Exception as error:
        raise ConfigError(
            f"the configuration cannot be used, {type(error).__name__} was raised: give names, mappings or engines"
        ) from error


def _reopen(kind: type[Face], config: Config) -> Face:
    return kind(config=config)


class Memory(Face):
    """A long-term memory for agents; every verb returns when its work is done and durable.

    Use it as a context manager, or `close` it. Many threads may use one object, and many processes one file.

    >>> from holdfast import Memory
    >>> with Memory(":memory:", llm="rules", embedder="hashing") as memory:
    ...     added = memory.add("I am allergic to peanuts.", user_id="ana")
    ...     memory.search("allergies", user_id="ana")["results"][0]["memory"]
    'I am allergic to peanuts.'
    """

    add = blocking(operations.add)
    put = blocking(operations.put)
    search = blocking(operations.search)
    context = blocking(operations.context)
    get = blocking(operations.get)
    get_all = blocking(operations.get_all)
    update = blocking(operations.update)
    delete = blocking(operations.delete)
    delete_all = blocking(operations.delete_all)
    forget = blocking(operations.forget)
    history = blocking(operations.history)
    rollback = blocking(operations.rollback)
    prune_history = blocking(operations.prune_history)
    reset = blocking(operations.reset)
    batch_update = blocking(operations.batch_update)
    batch_delete = blocking(operations.batch_delete)
    users = blocking(operations.users)
    delete_users = blocking(operations.delete_users)
    doctor = blocking(operations.doctor)
    reembed = blocking(operations.reembed)

    def close(self) -> None:
        """Close the file. Every acknowledged write is in it. Closing twice does nothing."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
