"""The text of message content in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.plain_values import to_plain


def content_text(content: object) -> str:
    r"""Return the text of a message's content; images, tool calls and reasoning are left out.

    Args:
        content: A string, `None`, one part or a list of parts. A part is a string or a mapping with a `type`.

    Returns:
        The text parts, joined by line feeds; `""` when there is no text.

    Raises:
        InvalidInput: Reading `content` raised an error.

    >>> content_text([{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "..."}}, "a cat"])
    'Look:\na cat'
    """
    content = to_plain(content, "the content")
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, Sequence) else [content]
    return "\n".join(text for text in map(part_text, parts) if text)


def part_text(part: object) -> str | None:
    """Return the text of one part of a message's content, `None` when the part is not text."""
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None
    return text if isinstance(text, str) else None
