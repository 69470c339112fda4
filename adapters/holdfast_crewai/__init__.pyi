from .memory import crew_memory as crew_memory
from .storage import HoldfastStorage as HoldfastStorage
from .tools import memory_tools as memory_tools
