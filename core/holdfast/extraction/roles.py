"""Who says a message: the roles of all the usual formats, in the words of one of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Role = Literal["user", "assistant", "system", "tool"]

# OpenAI, Anthropic and Mistral send user, assistant, system, developer and tool; Gemini model; ShareGPT human, gpt and
# observation; LangChain human and ai; Cohere CHATBOT; A2A and voice services agent; contact centres CUSTOMER and
# END_USER; Llama ipython; OpenAssistant prompter. A role that is not in this table is nobody's: never the user.
_WORDS: dict[Role, str] = {
    "user": "user human person customer end_user prompter user_proxy",
    "assistant": "assistant ai model bot chatbot gpt chatgpt agent llm bing bard",
    "system": "system developer system_instruction",
    "tool": """tool function ipython observation tool_result tool_response tool_output tool_call_execution
    function_response function_result function_execution_result""",
}
_ROLES: dict[str, Role] = {word: role for role, words in _WORDS.items() for word in words.split()}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")
_SUFFIX = re.compile(r"_(?:message|message_chunk|event)$")


def known_role(name: str) -> Role | None:
    """Return the role that a format calls `name`, `None` for one that no format has.

    Case and blanks do not matter, and the name of a message class counts as well.

    >>> [known_role(name) for name in ("Human", " MODEL ", "developer", "AIMessageChunk", "narrator")]
    ['user', 'assistant', 'system', 'assistant', None]
    """
    return _ROLES.get(snake_case(name))


@lru_cache(maxsize=1024)
def snake_case(name: str) -> str:
    """Return the name of a role or a type as it stands in a table.

    >>> snake_case("ToolCallRequestEvent"), snake_case("toolUse"), snake_case("END-USER")
    ('tool_call_request', 'tool_use', 'end_user')
    """
    words = _HUMP.sub("_", name.strip()[:100])
    return _SUFFIX.sub("", _NO_WORD.sub("_", words).strip("_").casefold())
