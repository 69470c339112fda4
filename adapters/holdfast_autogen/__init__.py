"""Holdfast for the AutoGen family: one memory for `ConversableAgent`, for agentchat and for ag2.

| name | for |
|---|---|
| `MemoryCapability` | `autogen.ConversableAgent`: pyautogen 0.9, ag2 0.9 to 0.14 |
| `MemoryChatCompletionContext`, `HoldfastAutoGenMemory` | autogen-agentchat 0.7 |
| `memory_plugin` | ag2 from 1.0 |

The three are different frameworks, so a name imports its framework when it is first used. The names are listed in
`__init__.pyi`, which type checkers and `lazy_loader` both read.
"""

from importlib.util import find_spec

import lazy_loader


def _is_installed(framework: str) -> bool:
    try:
        return find_spec(framework) is not None
    except (ImportError, ValueError):  # ValueError: `sys.modules` holds None under this name
        return False


if not any(map(_is_installed, ("autogen", "autogen_core", "ag2"))):
    raise ImportError('this adapter needs AutoGen: pip install "holdfast[autogen]", or [autogen-agentchat], or [ag2]')

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
