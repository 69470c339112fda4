"""Messages in the shapes of the usual services and frameworks, and the text in them.

OpenAI's chat completions and Responses, Anthropic, Gemini, Bedrock, Cohere, ShareGPT, LangChain, LlamaIndex and AutoGen
say the same under different names. They are told apart by their keys; no framework is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.errors import InvalidInput, UnreadableReply, short_repr
from holdfast.extraction.facts import Skipped
from holdfast.extraction.roles import Role, known_role, snake_case
from holdfast.plain_values import to_plain

# What holds messages, in the order in which they were said.
_INSTRUCTIONS = ("system", "instructions", "system_instruction", "systemInstruction", "preamble")
_LISTS = ("chat_history", "history", "messages", "contents", "conversations", "conversation", "choices", "candidates")

# What holds the words of a message or of a part of one; the first that is not empty counts.
_CONTENT = ("content", "parts", "blocks", "text", "message", "value", "output", "transcript", "refusal", "audio")
_TEXT_OF_PART = ("text", "content", "value", "transcript", "refusal")
_TYPES = ("type", "kind", "block_type")
_SPEAKERS = ("author", "from", "sender", "source", "speaker")
_CALLS = ("tool_calls", "function_call", "functionCall", "toolUse")
_RESULTS = ("function_response", "functionResponse", "toolResult")
_RESULT_IDS = ("call_id", "tool_call_id", "tool_use_id")
_AUDIO = ("audio", "input_audio")
_REASONING = ("thinking", "reasoning", "reasoningContent", "reasoning_content")

MESSAGE_FIELDS = (
    *("role", "name", *_TYPES, "thought", "arguments", "args", "input", "function", "response"),
    *("summary", "inline_data", "file_data", "image", "image_url", "body", "data", "kwargs", "id", "result"),
    *(*_INSTRUCTIONS, *_LISTS, *_CONTENT, *_SPEAKERS),
    *(*_CALLS, *_RESULTS, *_RESULT_IDS, *_AUDIO, *_REASONING),
)
"""Every attribute of a message object that is read."""

_TEXT_TYPES = frozenset("text input_text output_text summary_text refusal message chat".split())
_MESSAGE_TYPES = _TEXT_TYPES | frozenset("human_input conversation user_message agent_message".split())
_AGENT_TYPES = frozenset("text multi_modal stop handoff tool_call_summary structured".split())  # AutoGen's, by `source`
_AUDIO_TYPES = frozenset("audio input_audio output_audio".split())
_REASONING_TYPES = frozenset(
    "reasoning thinking redacted_thinking thought thoughts reasoning_content reasoning_text".split()
)
_CALL_TYPES = frozenset("tool_call function_call tool_use server_tool_use mcp_tool_use tool_call_request".split())
_RESULT_TYPES = frozenset("tool_result function_result function_response tool_response tool_output".split())
_PLAIN_KEYS = {"role", "content"}
_MOST_NESTED = 8  # requests in requests


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one message says in one role; the results of tools in a message are utterances of their own.

    Attributes:
        role: One of the four roles, or the name of an unknown one.
        text: Its text, not blank.
        name: The speaker, as the message has it.
    """

    role: str
    text: str
    name: Any = None


def content_text(content: object) -> str:
    r"""Return the text of a message's content; images, tool calls, tool results and reasoning are left out.

    Args:
        content: A string, `None`, one part or a list of parts: strings, mappings or objects, as the services and
            frameworks send them. The transcript of audio is its text.

    Returns:
        The text parts, joined by line feeds; `""` when there is no text.

    Raises:
        InvalidInput: Reading `content` raised an error.

    >>> content_text([{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "..."}}, "a cat"])
    'Look:\na cat'
    """
    content = to_plain(content, "the content", fields=MESSAGE_FIELDS)
    return "\n".join(part for part in _read_parts(content, "the content") if isinstance(part, str) and part)


def reply_text(reply: object, provider: str) -> str:
    """Return the text of what a chat model returned: a text, parts of one, or nothing.

    Raises:
        UnreadableReply: It is something else.
    """
    if isinstance(reply, str):
        return reply
    text = "" if reply is None else content_text(reply)
    if not text and reply is not None and not isinstance(reply, (list, tuple)):
        raise UnreadableReply(f"the model returned {type(reply).__name__}, not text", provider=provider)
    return text


def list_messages(value: Any) -> list[Any]:
    """Return the messages in `value` one by one, out of a request, an answer, a record or a list of them.

    >>> list_messages({"conversations": [{"from": "human", "value": "Hi"}]})
    [{'from': 'human', 'value': 'Hi'}]
    >>> list_messages(("user", "Hi"))
    [{'role': 'user', 'content': 'Hi'}]
    """
    return list(_unwrap(value, _MOST_NESTED))


def read_message(message: Mapping[str, Any], where: str) -> tuple[list[Utterance], list[Skipped]]:
    """Return what a message says, and what in it is not text.

    Args:
        message: The message as plain values.
        where: What to call it in errors and details.

    Raises:
        InvalidInput: Its role or its content is of another type.

    >>> read_message({"role": "model", "parts": [{"text": "Hi"}]}, "the message")
    ([Utterance(role='assistant', text='Hi', name=None)], [])
    """
    if (
        message.keys() == _PLAIN_KEYS
        and isinstance(message["content"], str)
        and message["role"] in ("user", "assistant")
    ):
        text = message["content"]  # most messages; the rest takes three times as long
        return ([Utterance(message["role"], text)] if text.strip() else []), []
    role, name = _role_and_name(message, where)
    kind = _kind(message)
    content = _content(message, where)
    if kind in _REASONING_TYPES:
        return [], [Skipped("reasoning", _plain_text(content or message.get("summary")), f"{where} is reasoning")]
    if role is None:
        return [], [_tool_call(message, where, content)]
    parts = [*_read_parts(content, where)]
    said = [part for part in parts if isinstance(part, Utterance)]
    skipped = [part for part in parts if isinstance(part, Skipped)]
    text = "\n".join(part for part in parts if isinstance(part, str))
    if text.strip():
        said.append(Utterance(role, text, name))
    skipped += _tool_calls_beside(message, where)
    if not said and not skipped and not any(key in message for key in _CONTENT):
        skipped += _unknown_shape(message, where)
    return said, skipped


def _unwrap(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, (list, tuple)) and depth:
        pair = _as_pair(value, is_nested=depth < _MOST_NESTED)
        if pair is not None:
            yield pair
        elif depth < _MOST_NESTED and not all(isinstance(item, (str, Mapping, list, tuple)) for item in value):
            yield value
        else:
            for item in value:
                yield from _unwrap(item, depth - 1)
    elif isinstance(value, Mapping) and depth and not _is_message(value):
        inner = [*_inner_messages(value)]
        if not inner:
            yield value
        for item in inner:
            yield from _unwrap(item, depth - 1)
    else:
        yield value


def _as_pair(value: Sequence[Any], *, is_nested: bool) -> dict[str, Any] | None:
    """Return LangChain's `("user", "text")` as a message; a list of two texts is one only among other messages."""
    if len(value) != 2 or not isinstance(value[0], str) or isinstance(value[1], Mapping):  # noqa: PLR2004
        return None
    is_pair = is_nested or (isinstance(value, tuple) and known_role(value[0]) is not None)
    return {"role": value[0], "content": value[1]} if is_pair else None


def _is_message(value: Mapping[str, Any]) -> bool:
    if any(isinstance(value.get(key), str) for key in ("role", "from")):
        return True
    kind = _kind(value)
    return kind is not None and kind not in ("constructor", "list", "completion", "response")


def _inner_messages(value: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the messages that `value` holds; nothing when it is a message itself."""
    kwargs, path = value.get("kwargs"), value.get("id")
    if isinstance(kwargs, Mapping) and isinstance(path, list) and path:  # as LangChain serialises its objects
        yield {"type": path[-1], **kwargs}
        return
    lists = [value[key] for key in _LISTS if isinstance(value.get(key), (list, tuple))]
    said, answered, message = value.get("input"), value.get("output"), value.get("message")
    is_message = not lists and not isinstance(said, (str, list)) and not isinstance(message, (Mapping, tuple))
    if is_message and not isinstance(answered, list):
        content = value.get("content")  # Gemini's candidate holds the message as its content
        if isinstance(content, Mapping) and "role" in content:
            yield content
        return
    for key in _INSTRUCTIONS:
        if value.get(key):
            yield {"role": "system", "content": value[key]}
    for messages in lists:
        yield from messages
    for role, words in (("user", said), ("user", message), ("assistant", answered)):
        if isinstance(words, str):
            yield {"role": role, "content": words}
        elif isinstance(words, (list, tuple, Mapping)):
            yield from words if isinstance(words, list) else [words]


def _role_and_name(message: Mapping[str, Any], where: str) -> tuple[str | None, Any]:
    """Return the role, `None` for a call of a tool, and the name of who says a message."""
    role = message.get("role")
    if role is not None and (not isinstance(role, str) or not role.strip()):
        raise InvalidInput(f"{where} has the role {short_repr(role)}: it must be text such as 'user' or 'assistant'")
    name = _named(message.get("name"))
    kind = _kind(message)
    speaker = next((found for key in _SPEAKERS if (found := _named(message.get(key)))), None)
    if any(_is_call(snake_case(one)) for one in (kind, role, message.get("from")) if isinstance(one, str)):
        return None, name
    if _is_result(kind):
        return "tool", name
    author = message.get("author")
    if role is None and isinstance(author, Mapping):
        role, speaker = _named(author.get("role")), _named(author.get("name"))
    if role is None and kind is not None:
        role = known_role(kind)
    if role is not None:
        is_own_name = speaker is not None and known_role(speaker) is None
        return known_role(role) or role.strip(), name or (speaker if is_own_name else None)
    return _role_of_speaker(message, kind, speaker, name)


def _role_of_speaker(message: Mapping[str, Any], kind: str | None, speaker: Any, name: Any) -> tuple[str, Any]:
    if isinstance(speaker, str):
        known = known_role(speaker)
        if known is not None:
            return known, name
        if "speaker" in message:
            return "user", name or speaker
        if kind in _AGENT_TYPES and "source" in message:
            return "assistant", name or speaker
        return speaker.strip(), name
    if kind is None or kind in _MESSAGE_TYPES or kind in _AUDIO_TYPES:
        return "user", name
    return next(message[key] for key in _TYPES if isinstance(message.get(key), str)).strip(), name


def _named(value: Any) -> Any:
    """Return a name; blank ones and mappings are none."""
    return None if isinstance(value, Mapping) or (isinstance(value, str) and not value.strip()) else value


def _kind(value: Mapping[str, Any]) -> str | None:
    kind = next((value[key] for key in _TYPES if isinstance(value.get(key), str)), None)
    return snake_case(kind) if kind else None


def _is_call(kind: str | None) -> bool:
    return kind is not None and (kind in _CALL_TYPES or kind.endswith("_call"))


def _is_result(kind: str | None) -> bool:
    ends = ("_call_output", "_tool_result", "_execution_result", "_call_execution")
    return kind is not None and (kind in _RESULT_TYPES or kind.endswith(ends))


def _content(message: Mapping[str, Any], where: str) -> Any:
    data = message.get("data")
    if isinstance(data, Mapping) and "content" in data:  # as LangChain stores messages
        message = data
    content = message.get("content")
    if content is not None and not isinstance(content, (str, Mapping, list, tuple)):
        kind = type(content).__name__
        raise InvalidInput(f"the content of {where} is {kind}: it must be text or a list of parts")
    return next((message[key] for key in _CONTENT if message.get(key) not in (None, "", [], ())), content)


def _read_parts(content: Any, where: str) -> Iterator[str | Utterance | Skipped]:
    """Yield the texts of content, the results of tools in it, and why something is not read."""
    if content is None:
        return
    if isinstance(content, Mapping) and isinstance(content.get("parts"), (list, tuple)):
        content = content["parts"]
    for part in content if isinstance(content, (list, tuple)) else [content]:
        yield _read_part(part, where)


def _read_part(part: Any, where: str) -> str | Utterance | Skipped:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return _not_text(type(part).__name__, where)
    what = _meaning(part)
    if what in _READERS:
        return _READERS[what](part, where)
    text = _text_of(part) if what == "text" else None
    if text is not None:
        return text
    given = [part[key] for key in _TYPES if part.get(key)]
    return _not_text(
        given[0] if given else next((key for key, value in part.items() if value is not None), None), where
    )


def _meaning(part: Mapping[str, Any]) -> Literal["text", "reasoning", "result", "call"] | None:
    """Return what a part is by its type or, as Gemini and Bedrock send it, by its keys."""
    kind = _kind(part)
    keys = {key for key, value in part.items() if value} if kind is None else set()
    if kind in _REASONING_TYPES or part.get("thought") is True or keys.intersection(_REASONING):
        return "reasoning"
    if _is_result(kind) or keys.intersection((*_RESULTS, *_RESULT_IDS)):
        return "result"
    if _is_call(kind) or keys.intersection((*_CALLS, "arguments")):
        return "call"
    return "text" if kind is None or kind in _TEXT_TYPES or kind in _AUDIO_TYPES else None


def _tool_calls_beside(message: Mapping[str, Any], where: str) -> list[Skipped]:
    """Return a note of each call that stands beside the content of a message."""
    found = [message.get(key) for key in _CALLS]
    calls = [call for one in found for call in (one if isinstance(one, list) else [one])]
    return [_tool_call(call, where) for call in calls if isinstance(call, Mapping) and call]


def _text_of(part: Mapping[str, Any]) -> str | None:
    for key in _TEXT_OF_PART:
        text = part.get(key)
        if isinstance(text, Mapping):  # OpenAI's Assistants: {"text": {"value": ...}}
            text = text.get("value")
        if isinstance(text, str):
            return text
    audio = [part.get(key) for key in _AUDIO]
    transcripts = [one.get("transcript") for one in audio if isinstance(one, Mapping)]
    return next((one for one in transcripts if isinstance(one, str)), None)


def _not_text(kind: Any, where: str) -> Skipped:
    named = kind if isinstance(kind, str) else short_repr(kind)
    return Skipped("not text", named, f"{where} has a part of type {short_repr(kind)}, which is not read")


def _reasoning(part: Mapping[str, Any], where: str) -> Skipped:
    words = next((part[key] for key in (*_REASONING, *_TEXT_OF_PART) if part.get(key)), "")
    return Skipped("reasoning", _plain_text(words), f"{where} has a part that is reasoning")


def _tool_result(part: Mapping[str, Any], where: str) -> Utterance | Skipped:
    inner = next((part[key] for key in _RESULTS if isinstance(part.get(key), Mapping)), part)
    words = next((inner[key] for key in ("content", "output", "response", "result", "text") if inner.get(key)), None)
    text = _plain_text(words)
    role: Role = "tool"
    return Utterance(role, text, _named(inner.get("name"))) if text.strip() else _not_text("tool_result", where)


def _tool_call(call: Mapping[str, Any], where: str, content: Any = None) -> Skipped:
    inner = next((call[key] for key in (*_CALLS[1:], "function") if isinstance(call.get(key), Mapping)), call)
    arguments = next((inner[key] for key in ("arguments", "args", "input", "tool_kwargs") if inner.get(key)), content)
    name = _named(inner.get("name")) or inner.get("tool_name") or call.get("type")
    text = f"{name}({_plain_text(arguments)})" if isinstance(name, str) else _plain_text(arguments)
    return Skipped("tool call", text, f"{where} calls a tool")


_READERS: dict[str | None, Callable[[Mapping[str, Any], str], Utterance | Skipped]] = {
    "reasoning": _reasoning,
    "result": _tool_result,
    "call": _tool_call,
}


def _plain_text(value: Any) -> str:
    """Return the text of content, or other values as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    parts = value if isinstance(value, (list, tuple)) else [value]
    texts = [part if isinstance(part, str) else _text_of(part) if isinstance(part, Mapping) else None for part in parts]
    found = [text for text in texts if text]
    return "\n".join(found) if found else json.dumps(value, ensure_ascii=False, default=short_repr)


def _unknown_shape(message: Mapping[str, Any], where: str) -> list[Skipped]:
    """Return a note of a message whose words stand under no known key; nothing for an empty one."""
    envelope = ("role", "name", "type", "id", "data", *_SPEAKERS)
    keys = [key for key, value in message.items() if key not in envelope and value not in (None, "", [], {})]
    if not keys:
        return []
    listed = ", ".join(map(short_repr, keys[:10]))
    detail = f"{where} has {listed}: its text is read from content, parts, text, message or value"
    return [Skipped("unknown shape", short_repr(dict(message)), detail)]
