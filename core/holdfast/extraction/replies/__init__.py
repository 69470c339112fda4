"""Read what the model answered, however badly it is written.

A reply is read in two steps: first the JSON values in it, mended where they are broken; then the facts or
decisions in those values, under whatever names the model gave them. What cannot be used is skipped with a
reason, so that nothing disappears silently.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazily

if TYPE_CHECKING:
    from holdfast.extraction.replies.parse import parse_decisions, parse_facts, parse_ratings, parse_relevant

__all__ = ["parse_decisions", "parse_facts", "parse_ratings", "parse_relevant"]

__getattr__ = lazily(
    __name__,
    {
        "parse_decisions": "holdfast.extraction.replies.parse",
        "parse_facts": "holdfast.extraction.replies.parse",
        "parse_ratings": "holdfast.extraction.replies.parse",
        "parse_relevant": "holdfast.extraction.replies.parse",
    },
)
