"""Holdfast for CrewAI: long-term memory for crews, agents and flows.

`crew_memory` is the memory most programs want. `HoldfastStorage` puts a Holdfast store below CrewAI's own memory.
`memory_tools` lets agents manage the memory themselves. The names are listed in `__init__.pyi`, which type checkers
and `lazy_loader` both read.
"""

import lazy_loader

try:
    import crewai as _  # noqa: F401 - a missing package is reported here, with the command that installs it
except ImportError as error:
    raise ImportError('the CrewAI adapter needs crewai: pip install "holdfast[crewai]"') from error

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
