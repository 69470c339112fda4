"""Holdfast for LangGraph: nodes that recall and remember, a store for graphs, and tools for agents.

A name is imported when it is first used. The names are listed in `__init__.pyi`, which type checkers and `lazy_loader`
both read.
"""

import lazy_loader

try:
    import langgraph.channels as _  # noqa: F401 - a missing package is reported here, with the command that installs it
except ImportError as error:
    raise ImportError('LangGraph is not installed: pip install "holdfast[langgraph]"') from error

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
