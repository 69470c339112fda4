"""Holdfast: one long-term memory for AI agents, whatever framework they are written in.

>>> from holdfast import Memory
>>> memory = Memory(":memory:", llm="rules", embedder="hashing")
>>> added = memory.add("I moved to Lisbon and I'm allergic to peanuts", user_id="ana")
>>> memory.search("is she allergic to anything?", user_id="ana", limit=1)["results"][0]["memory"]
"I'm allergic to peanuts"
"""

import lazy_loader

# Type checkers and the loader read the public names from `__init__.pyi`: the one list of them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
