"""Count tokens: with the caller's function, else with the chat model's tokenizer, else by size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

from holdfast.errors import HoldfastError, ProviderError, provider_error
from holdfast.protocols import ChatModel, TokenCounter

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class TokenCount:
    """One way to count tokens.

    Attributes:
        counted_by: The counter, in words.
        of: Returns the number of tokens of a text, in quarters for the estimate. Raises `ProviderError` when the
            counter fails or does not return a whole number from 0.
    """

    counted_by: str
    of: Callable[[str], float]


ESTIMATE = TokenCount(
    f"estimate ({_BYTES_PER_TOKEN} bytes of UTF-8 a token)", lambda text: len(text.encode()) / _BYTES_PER_TOKEN
)
"""The count without a tokenizer."""


def token_count(given: TokenCounter | None, llm: ChatModel | None) -> TokenCount:
    """Return the count to use: `given`, else the `count_tokens` of `llm` if it has one that works, else the estimate.

    Raises:
        ProviderError: The chat model's `count_tokens` fails.

    >>> count = token_count(None, None)
    >>> count.of("four bytes a token"), count.counted_by
    (4.5, 'estimate (4 bytes of UTF-8 a token)')
    """
    if given is not None:
        return TokenCount("count_tokens", _checked_counter(given, "count_tokens"))
    own = getattr(llm, "count_tokens", None)
    name = str(getattr(llm, "model", type(llm).__name__))
    if own is None or _call_counter(own, "", name) is None:
        return ESTIMATE
    return TokenCount(f"tokenizer of {name}", _checked_counter(own, name))


def _checked_counter(counter: TokenCounter, name: str) -> Callable[[str], int]:
    def of(text: str) -> int:
        count = _call_counter(counter, text, name)
        if isinstance(count, bool) or not isinstance(count, Integral) or count < 0:
            raise ProviderError(f"{name} counted {count!r} tokens: give a whole number from 0", provider=name)
        return int(count)

    return of


def _call_counter(counter: Callable[[str], int | None], text: str, name: str) -> object:
    try:
        return counter(text)
    except HoldfastError:
        raise
    except Exception as error:
        raise provider_error(error, name) from error
