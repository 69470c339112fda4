"""Read what the model answered, however badly it is written.

A reply is read in two steps: first the JSON values in it, mended where they are broken; then the facts or
decisions in those values, under whatever names the model gave them. What cannot be used is skipped with a
reason, so that nothing disappears silently.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazily

if TYPE_CHECKING:
    from holdfast.extraction.replies.judgements import parse_ratings, parse_relevant
    from holdfast.extraction.replies.parsing import parse_decisions, parse_facts

__all__ = ["parse_decisions", "parse_facts", "parse_ratings", "parse_relevant"]

__getattr__ = lazily(
    __name__,
    {
        "parse_decisions": "holdfast.extraction.replies.parsing",
        "parse_facts": "holdfast.extraction.replies.parsing",
        "parse_ratings": "holdfast.extraction.replies.judgements",
        "parse_relevant": "holdfast.extraction.replies.judgements",
    },
)
