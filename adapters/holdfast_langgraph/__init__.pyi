from .namespaces import namespace_label as namespace_label
from .nodes import retrieve_node as retrieve_node
from .nodes import update_node as update_node
from .run_memory import FROM_CONFIG as FROM_CONFIG
from .state import MemoryState as MemoryState
from .state import Recalled as Recalled
from .state import messages_with_memories as messages_with_memories
from .store import HoldfastStore as HoldfastStore
from .tools import memory_tools as memory_tools

__all__ = [
    "FROM_CONFIG",
    "HoldfastStore",
    "MemoryState",
    "Recalled",
    "memory_tools",
    "messages_with_memories",
    "namespace_label",
    "retrieve_node",
    "update_node",
]
