from .agent_middleware import MemoryMiddleware as MemoryMiddleware
from .chain_memory import HoldfastMemory as HoldfastMemory
from .chat_history import HoldfastChatMessageHistory as HoldfastChatMessageHistory
from .retriever import HoldfastRetriever as HoldfastRetriever
from .run_memory import FROM_CONFIG as FROM_CONFIG
from .tools import memory_tools as memory_tools
from .vector_store import HoldfastVectorStore as HoldfastVectorStore
