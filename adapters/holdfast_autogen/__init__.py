"""Holdfast in the AutoGen family: one memory for `ConversableAgent`, for agentchat and for ag2.

| name | for |
|---|---|
| `MemoryCapability` | `autogen.ConversableAgent`: pyautogen 0.9, ag2 0.9 to 0.14 |
| `MemoryChatCompletionContext`, `HoldfastAutoGenMemory` | autogen-agentchat 0.7 |
| `memory_plugin` | ag2 from 1.0 |

The three are different frameworks, so each name imports its own when it is first used.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast_autogen.agentchat_context import MemoryChatCompletionContext
    from holdfast_autogen.agentchat_memory import HoldfastAutoGenMemory
    from holdfast_autogen.conversable import MemoryCapability
    from holdfast_autogen.plugin import memory_plugin

__all__ = ["HoldfastAutoGenMemory", "MemoryCapability", "MemoryChatCompletionContext", "memory_plugin"]

# name: the module that holds it, the framework it needs, the extra that brings it
_FACES = {
    "MemoryCapability": ("conversable", "autogen", "autogen"),
    "MemoryChatCompletionContext": ("agentchat_context", "autogen_core", "autogen-agentchat"),
    "HoldfastAutoGenMemory": ("agentchat_memory", "autogen_core", "autogen-agentchat"),
    "memory_plugin": ("plugin", "ag2", "ag2"),
}


def __getattr__(name: str) -> Any:
    if name not in _FACES:
        raise AttributeError(f"module 'holdfast_autogen' has no attribute {name!r}")
    module, framework, extra = _FACES[name]
    try:
        import_module(framework)
    except ImportError as error:
        raise ImportError(f'{name} needs the package {framework}: pip install "holdfast[{extra}]"') from error
    return getattr(import_module(f"holdfast_autogen.{module}"), name)


def _is_installed(framework: str) -> bool:
    try:
        return find_spec(framework) is not None
    except ImportError:
        return False


if not any(_is_installed(framework) for _, framework, _ in _FACES.values()):
    raise ImportError('this adapter needs AutoGen: pip install "holdfast[autogen]", or [autogen-agentchat], or [ag2]')
