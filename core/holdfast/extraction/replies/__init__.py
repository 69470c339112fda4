"""Read what a model answered, however badly it is written.

A reply is read in two steps: first the JSON values in it, repaired where they are broken (`json_repair`), then the
facts or decisions in those values, under whatever names the model gave them (`entries`, `decisions`). What cannot be
used is returned as skipped with a reason, so that nothing disappears silently.
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
