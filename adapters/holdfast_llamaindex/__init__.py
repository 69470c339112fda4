"""Holdfast for LlamaIndex: a chat memory for engines and agents, a block for `Memory`, and tools.

Start with `Mem0Memory`, which has the name and the constructors of the package it replaces.
"""

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise ImportError('this adapter needs llama-index-core: pip install "holdfast[llamaindex]"') from error

from holdfast_llamaindex.memory import Mem0Memory
from holdfast_llamaindex.memory_block import HoldfastMemoryBlock
from holdfast_llamaindex.tools import memory_tools

__all__ = ["HoldfastMemoryBlock", "Mem0Memory", "memory_tools"]
