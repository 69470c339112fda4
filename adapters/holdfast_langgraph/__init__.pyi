from .namespaces import namespace_label as namespace_label
from .nodes import retrieve_node as retrieve_node, update_node as update_node
from .run_memory import FROM_CONFIG as FROM_CONFIG
from .state import MemoryState as MemoryState, Recalled as Recalled, messages_with_memories as messages_with_memories
from .store import HoldfastStore as HoldfastStore
from .tools import memory_tools as memory_tools
