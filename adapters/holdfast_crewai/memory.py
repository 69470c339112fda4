"""`crew_memory` for the installed CrewAI: release 1.10 replaced its five kinds of memory by one."""

from typing import TYPE_CHECKING

import crewai

if TYPE_CHECKING or tuple(int(part) for part in crewai.__version__.split(".")[:2]) >= (1, 10):
    from holdfast_crewai.unified_memory import crew_memory
else:
    from holdfast_crewai.external_memory import crew_memory

__all__ = ["crew_memory"]
