from .ag2_plugin import memory_plugin as memory_plugin
from .agentchat_context import MemoryChatCompletionContext as MemoryChatCompletionContext
from .agentchat_memory import HoldfastAutoGenMemory as HoldfastAutoGenMemory
from .capability import MemoryCapability as MemoryCapability

__all__ = ["HoldfastAutoGenMemory", "MemoryCapability", "MemoryChatCompletionContext", "memory_plugin"]
