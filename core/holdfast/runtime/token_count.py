"""How many tokens a text has: as the caller counts, else as the chat model does, else by its size."""

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
        counted_by: Whose count it is, in words.
        of: Returns how many tokens a text has, whole numbers but for the estimate's quarters; raises `ProviderError`
            when the counter fails or gives no whole number from 0.
    """

    counted_by: str
    of: Callable[[str], float]


ESTIMATE = TokenCount(
    f"estimate ({_BYTES_PER_TOKEN} bytes of UTF-8 a token)", lambda text: len(text.encode()) / _BYTES_PER_TOKEN
)
"""What is counted where nobody can tell."""


def token_count(given: TokenCounter | None, llm: ChatModel | None) -> TokenCount:
    """Return the count to go by: `given`, else the `count_tokens` of `llm` if it can tell, else the estimate.

    Raises:
        ProviderError: The chat model's `count_tokens` fails.
    """
    if given is not None:
        return TokenCount("count_tokens", _checked(given, "count_tokens"))
    own = getattr(llm, "count_tokens", None)
    name = str(getattr(llm, "model", type(llm).__name__))
    if own is None or _asked(own, "", name) is None:
        return ESTIMATE
    return TokenCount(f"tokenizer of {name}", _checked(own, name))


def _checked(counter: TokenCounter, name: str) -> Callable[[str], int]:
    def of(text: str) -> int:
        count = _asked(counter, text, name)
        if isinstance(count, bool) or not isinstance(count, Integral) or count < 0:
            raise ProviderError(f"{name} counted {count!r} tokens: give a whole number from 0", provider=name)
        return int(count)

    return of


def _asked(counter: Callable[[str], int | None], text: str, name: str) -> object:
    try:
        return counter(text)
    except HoldfastError:
        raise
    except Exception as error:
        raise provider_error(error, name) from error
