"""CrewAI with Holdfast's memory: for crews, agents and flows.

`crew_memory` is the provider; `HoldfastStorage` is for who wants CrewAI's own memory with our store below it;
`memory_tools` lets agents look after the memory themselves.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    import crewai
except ImportError as error:
    raise ImportError('the CrewAI adapter needs crewai: pip install "holdfast[crewai]"') from error

if TYPE_CHECKING:
    from holdfast_crewai.memory import crew_memory
    from holdfast_crewai.storage import HoldfastStorage
    from holdfast_crewai.tools import memory_tools

__all__ = ["HoldfastStorage", "crew_memory", "memory_tools"]

# CrewAI 1.10 replaced its five kinds of memory by one.
_IS_UNIFIED = tuple(int(part) for part in crewai.__version__.split(".")[:2]) >= (1, 10)
_HOMES = {
    "HoldfastStorage": "holdfast_crewai.storage",
    "crew_memory": "holdfast_crewai.memory" if _IS_UNIFIED else "holdfast_crewai.external",
    "memory_tools": "holdfast_crewai.tools",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast_crewai' has no attribute {name!r}")
    if name == "HoldfastStorage" and not _IS_UNIFIED:
        raise ImportError(f"HoldfastStorage needs crewai 1.10 or later, this is {crewai.__version__}: use crew_memory")
    return getattr(import_module(_HOMES[name]), name)
