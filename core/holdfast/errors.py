"""The errors Holdfast raises, named for what the caller can do about them.

HoldfastError
├── InvalidInput (ValueError)          change the arguments
│   ├── InvalidFilter                  change the filter
│   └── UnknownArgument (TypeError)    change the name of an argument
├── NotFound (LookupError)             no memory has this id
├── ConfigError (ValueError)           change the configuration
├── ProviderError                      a model service failed; `.retryable` says whether to try again
│   └── UnreadableReply                the model answered, but unusably
└── StorageError                       the file cannot be read or written; nothing was half done
    ├── SchemaTooNew                   upgrade Holdfast
    └── EmbedderMismatch               open with the store's embedder, or re-embed
        └── DimensionMismatch          the vectors have another length
"""

from __future__ import annotations

import reprlib

_SHORT_REPR = reprlib.Repr()
_SHORT_REPR.maxstring = _SHORT_REPR.maxother = _SHORT_REPR.maxlong = 200


class HoldfastError(Exception):
    """Base of every error that Holdfast raises.

    >>> from holdfast import HoldfastError, Memory
    >>> memory = Memory(":memory:", llm="rules", embedder="hashing")
    >>> try:
    ...     memory.get_all()
    ... except HoldfastError as error:
    ...     print(type(error).__name__)
    InvalidInput
    """


class InvalidInput(HoldfastError, ValueError):
    """An argument is invalid; nothing was changed."""


class InvalidFilter(InvalidInput):
    """A filter is malformed, or uses an unknown operator or an invalid value."""


class UnknownArgument(InvalidInput, TypeError):
    """A verb has no parameter of this name, or an argument must be given by its name; nothing was changed."""


class NotFound(HoldfastError, LookupError):
    """No memory has this id; nothing was changed."""


class ConfigError(HoldfastError, ValueError):
    """The configuration names something unknown, or lacks something needed."""


class ProviderError(HoldfastError):
    """A model or embedding service failed.

    Attributes:
        provider: The service, such as `"openai"`.
        retryable: Whether the same call may succeed later (time-outs, rate limits, server errors).
    """

    def __init__(self, message: str, *, provider: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.provider = provider
        self.retryable = retryable


class UnreadableReply(ProviderError):
    """A model's reply contains nothing that can be read as the requested answer.

    Attributes:
        reply: What the model answered, `""` for an empty answer; `None` when the service sent no answer of a model.
    """

    def __init__(self, message: str, *, provider: str, retryable: bool = False, reply: str | None = None) -> None:
        super().__init__(message, provider=provider, retryable=retryable)
        self.reply = reply


class StorageError(HoldfastError):
    """The store cannot be read or written; the call had no effect."""


class SchemaTooNew(StorageError):
    """A newer Holdfast wrote the file."""


class EmbedderMismatch(StorageError):
    """The store's vectors come from another embedder than the given one."""


class DimensionMismatch(EmbedderMismatch):
    """A vector has another length than the store's vectors."""


def short_repr(value: object) -> str:
    """Return `value` as error texts quote it, at most a few hundred characters; never raises.

    >>> short_repr("tea")
    "'tea'"
    """
    try:
        return _SHORT_REPR.repr(value)
    except Exception:  # noqa: BLE001 - a number of 5,000 digits has no text, and a foreign object may raise anything
        return f"<{type(value).__name__}>"


def provider_error(error: Exception, provider: str) -> ProviderError:
    """Return the error to raise when an engine of the caller fails with `error`."""
    return ProviderError(f"{provider} failed: {type(error).__name__}: {error}", provider=provider)
