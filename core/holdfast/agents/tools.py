"""The tools of an agent, written once: an adapter only wraps each in its framework's object.

The program names the scope with a `ScopedMemory`; no argument of a tool does. A wrong call of a model is answered with
what to do instead, and memories are fenced as data.

>>> from holdfast import MEMORY_TOOLS, Memory, ScopedMemory
>>> scoped = ScopedMemory(Memory(":memory:", llm="rules", embedder="hashing"), user_id="ana")
>>> tools = {tool.name: tool for tool in MEMORY_TOOLS}
>>> tools["add_memory"].call(scoped, {"text": "I live in Lisbon."}).items[0]["memory"]
'I live in Lisbon.'
>>> tools["search_memory"].call(scoped, {"query": "home", "limit": 1000}).text
'That did not work: limit is 1000: it must be a whole number from 1 to 100'
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from holdfast.agents.scoped import ScopedFlows, ScopedMemory
from holdfast.errors import HoldfastError, InvalidInput, NotFound, short_repr
from holdfast.extraction.fence import fenced_block
from holdfast.operations.arguments import check_limit
from holdfast.plain_values import to_plain
from holdfast.results import AddedItem, AddResult, MemoryItem
from holdfast.runtime.effects import Flow

_MOST = 100

_log = logging.getLogger("holdfast")


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The answer of a tool.

    Attributes:
        text: For the model; `str(answer)` is the same.
        items: For the program: the memories found, or the events of a write.
        failed: Whether nothing was done, because the model made a mistake or the memory failed.
    """

    text: str
    items: list[MemoryItem] | list[AddedItem] = field(default_factory=list)
    failed: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ToolParameter:
    """One argument of a tool.

    Attributes:
        name: The argument's name.
        description: Its meaning, for the model.
        type: Its JSON Schema type.
        default: The value when the model gives none; without a default the argument is required.
        range: The least and the largest value of a number.
    """

    name: str
    description: str
    type: Literal["string", "integer"] = "string"
    default: int | None = None
    range: tuple[int, int] = (1, _MOST)

    def schema(self, *, strict: bool = False) -> dict[str, Any]:
        """Return the JSON Schema of the argument (see `MemoryTool.schema`)."""
        described: dict[str, Any] = {"type": self.type, "description": self.description}
        if self.type == "integer":
            described |= {"minimum": self.range[0], "maximum": self.range[1]}
        if self.default is None:
            return described
        return described | ({"type": [self.type, "null"]} if strict else {"default": self.default})

    def read(self, value: object) -> str | int:
        """Return the value a model gave, checked; the default for a missing value or null.

        Raises:
            InvalidInput: It is missing, of another type or out of range.
        """
        if value is not None:
            return self._number(value) if self.type == "integer" else self._text(value)
        if self.default is None:
            raise InvalidInput(f"{self.name} is missing: {self.description}")
        return self.default

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise InvalidInput(f"{self.name} is {short_repr(value)}: it must be text")
        return value

    def _number(self, value: object) -> int:
        least, most = self.range
        number = _whole(value)
        if number is None or not least <= number <= most:
            raise InvalidInput(f"{self.name} is {short_repr(value)}: it must be a whole number from {least} to {most}")
        return number


@dataclass(frozen=True, slots=True)
class MemoryTool:
    """One verb of a memory as a tool of a model.

    Attributes:
        name: The tool's name.
        description: What it does, for the model.
        parameters: Its arguments; none of them names a scope.
        flow: Does the work, given the verbs of one scope and the arguments by name.
    """

    name: str
    description: str
    parameters: tuple[ToolParameter, ...]
    flow: Callable[..., Flow[ToolAnswer]]

    def schema(self, *, strict: bool = False) -> dict[str, Any]:
        """Return the JSON Schema of the arguments.

        Args:
            strict: For OpenAI's strict mode: every argument is required, and null stands for a default.
        """
        return {
            "type": "object",
            "properties": {one.name: one.schema(strict=strict) for one in self.parameters},
            "required": [one.name for one in self.parameters if strict or one.default is None],
            "additionalProperties": False,
        }

    def limited(self, limit: int) -> MemoryTool:
        """Return the tool with `limit` as the most memories it shows, and as its default.

        Raises:
            InvalidInput: `limit` is not a whole number from 1 to 1000.
        """
        most = check_limit(limit, default=_MOST)
        return replace(
            self, parameters=tuple(_limit(most, most) if one.name == "limit" else one for one in self.parameters)
        )

    def call(self, scoped: ScopedMemory, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Run the tool on the memory of one scope.

        A mistake of the model is explained in the answer. So is a failure of the memory when `scoped.on_error` is
        `"log"`: the model learns that it failed, the log has the reason.

        Args:
            scoped: The memory.
            arguments: The model's arguments, unchecked.

        Raises:
            HoldfastError: The memory failed and `scoped.on_error` is `"raise"`.
        """
        memory = scoped.raising()
        try:
            return memory.run(self.flow(memory.flows, **self._read(arguments)))
        except HoldfastError as error:
            return self._answer_for(error, scoped)

    async def acall(self, scoped: ScopedMemory, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Await `call`."""
        memory = scoped.raising()
        try:
            return await memory.arun(self.flow(memory.flows, **self._read(arguments)))
        except HoldfastError as error:
            return self._answer_for(error, scoped)

    def _read(self, arguments: Mapping[str, Any]) -> dict[str, str | int]:
        names = [one.name for one in self.parameters]
        arguments = to_plain(arguments, "the arguments")
        if not isinstance(arguments, Mapping):
            raise InvalidInput(f"the arguments are {type(arguments).__name__}: give an object with {', '.join(names)}")
        unknown = [name for name in arguments if name not in names]
        if unknown:
            raise InvalidInput(f"{self.name} takes no {short_repr(unknown[0])}: it takes {' and '.join(names)}")
        return {one.name: one.read(arguments.get(one.name)) for one in self.parameters}

    def _answer_for(self, error: HoldfastError, scoped: ScopedMemory) -> ToolAnswer:
        if isinstance(error, (InvalidInput, NotFound)):
            return ToolAnswer(f"That did not work: {error}", failed=True)
        if scoped.on_error == "raise":
            raise error
        # The reason may hold paths and addresses: it goes to the log, not to the model.
        _log.warning("the memory failed, and the answer of %s says so: %s", self.name, error)
        return ToolAnswer("The memory failed: go on without it.", failed=True)


def _whole(value: object) -> int | None:
    """Return a whole number that a model wrote as `5`, `5.0` or `"5"`, else `None`."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# The verbs


def _add(flows: ScopedFlows, text: str) -> Flow[ToolAnswer]:
    return _describe_added((yield from flows.add(text, attributed_to="assistant")))


def _search(flows: ScopedFlows, query: str, limit: int) -> Flow[ToolAnswer]:
    items = yield from flows.search(query, limit=limit)
    return ToolAnswer(_fenced(items) or "Nothing is remembered about this.", items)


def _get_all(flows: ScopedFlows, limit: int) -> Flow[ToolAnswer]:
    items = yield from flows.get_all(limit=limit)
    more = "\nThere may be more: search for what you need." if len(items) == limit else ""
    return ToolAnswer((_fenced(items) or "Nothing is remembered.") + more, items)


def _update(flows: ScopedFlows, memory_id: str, text: str) -> Flow[ToolAnswer]:
    before = yield from flows.update(memory_id, text, attributed_to="assistant")
    event: AddedItem = {"id": before["id"], "memory": text, "event": "UPDATE", "previous_memory": before["memory"]}
    return ToolAnswer(_event_line(event), [event])


def _delete(flows: ScopedFlows, memory_id: str) -> Flow[ToolAnswer]:
    before = yield from flows.delete(memory_id)
    event: AddedItem = {"id": before["id"], "memory": before["memory"], "event": "DELETE"}
    return ToolAnswer(_event_line(event), [event])


# The answers


def _describe_added(result: AddResult) -> ToolAnswer:
    events = [_event_line(event) for event in result["results"]]
    skipped = [f"Not stored ({one['reason']}): {_one_line(one['text'])}" for one in result["skipped"]]
    lines = [*events, *skipped] or ["Nothing was stored: it holds nothing to remember."]
    return ToolAnswer("\n".join(lines), result["results"])


def _event_line(event: AddedItem) -> str:
    # A deleted text is a recalled memory: it is not shown outside the fence.
    text = "" if event["event"] == "DELETE" else f" {_one_line(event['memory'])}"
    return f"{event['event']} [{event['id']}]{text}"


def _fenced(items: Sequence[MemoryItem]) -> str:
    return fenced_block([_line(item) for item in items])


def _line(item: MemoryItem) -> str:
    who = f"{item['speaker']}: " if "speaker" in item else ""
    return f"[{item['id']}] {who}{item['memory']} ({item['updated_at'][:10]})"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# The tools


def _limit(default: int, most: int = _MOST) -> ToolParameter:
    return ToolParameter("limit", f"Most memories to return, 1 to {most}.", "integer", default, (1, most))


_MEMORY_ID = ToolParameter("memory_id", "The id of a memory, as search_memory and get_all_memory show it.")

MEMORY_TOOLS = (
    MemoryTool(
        "add_memory",
        "Remember something about the user for later conversations.",
        (ToolParameter("text", "What to remember, in whole sentences, such as: The user likes tea."),),
        _add,
    ),
    MemoryTool(
        "search_memory",
        "Find what is remembered about the user that is relevant to a question, best first.",
        (ToolParameter("query", "What to look for: a question or a few words."), _limit(10)),
        _search,
    ),
    MemoryTool(
        "get_all_memory",
        "List what is remembered about the user, newest first.",
        (_limit(20),),
        _get_all,
    ),
    MemoryTool(
        "update_memory",
        "Correct one memory.",
        (_MEMORY_ID, ToolParameter("text", "What the memory says from now on, as a whole sentence.")),
        _update,
    ),
    MemoryTool("delete_memory", "Delete one memory.", (_MEMORY_ID,), _delete),
)
"""`add_memory`, `search_memory`, `get_all_memory`, `update_memory` and `delete_memory`."""
