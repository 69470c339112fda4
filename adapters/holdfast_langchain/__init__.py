"""Holdfast for LangChain: long-term memory for chains, retrievers, tools and agents.

A name is imported when it is first used, because the names need different packages: `HoldfastMemory` needs
`langchain-classic` (or langchain-core 0.3), `MemoryMiddleware` needs `langchain` 1.3 or later, the others need
langchain-core alone. The names are listed in `__init__.pyi`, which type checkers and `lazy_loader` both read.
"""

import lazy_loader

try:
    import langchain_core as _  # noqa: F401 - a missing package is reported here, with the command that installs it
except ImportError as error:
    raise ImportError('LangChain is not installed: pip install "holdfast[langchain]"') from error

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
