"""The errors Holdfast raises, named for what the caller can do about them.

HoldfastError
├── InvalidInput (ValueError)          change the arguments
│   └── InvalidFilter                  change the filter
├── NotFound (LookupError)             the id names nothing
├── ConfigError (ValueError)           change the configuration
├── ProviderError                      a model service failed; `.retryable` says whether to try again
│   └── UnreadableReply                the model answered, but not in a form that can be used
└── StorageError                       the file cannot be read or written; nothing was half done
    ├── SchemaTooNew                   upgrade Holdfast
    └── EmbedderMismatch               open with the store's embedder, or re-embed
        └── DimensionMismatch          the vectors have another length
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

import reprlib


class HoldfastError(Exception):
    """Base of every error Holdfast raises on purpose."""


class InvalidInput(HoldfastError, ValueError):
    """An argument cannot be used as it is; nothing was changed."""


class InvalidFilter(InvalidInput):
    """A filter is malformed, or uses an operator or value that does not exist."""


class NotFound(HoldfastError, LookupError):
    """No memory has this id; nothing was changed."""


class ConfigError(HoldfastError, ValueError):
    """The configuration names something unknown or leaves out something needed."""


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
    """A model's reply holds nothing that can be read as the answer asked for."""


class StorageError(HoldfastError):
    """The store cannot be read or written; the call as a whole did not happen."""


class SchemaTooNew(StorageError):
    """The file was written by a newer Holdfast."""


class EmbedderMismatch(StorageError):
    """The store's vectors come from another embedder than the one given."""


class DimensionMismatch(EmbedderMismatch):
    """A vector's length is not that of the store's vectors."""


def short_repr(value: object) -> str:
    """Return `value` as an error text quotes it: short, whatever it is."""
    try:
        return _SHORT.repr(value)
    except Exception:  # noqa: BLE001 - a number of 5,000 digits refuses, and so may any foreign object
        return f"<{type(value).__name__}>"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200


def provider_error(error: Exception, provider: str) -> ProviderError:
    """Return what callers see when an engine fails in its own words."""
    return ProviderError(f"{provider} failed: {type(error).__name__}: {error}", provider=provider)
