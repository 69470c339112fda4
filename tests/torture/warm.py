"""Imported once by the process from which all others are forked, so that each starts in milliseconds."""

import logging

from holdfast import Memory

logging.getLogger("holdfast").setLevel(logging.CRITICAL)  # it warns of each index that it makes again

with Memory(":memory:", llm="rules", embedder="hashing") as memory:
    memory.add("I live in Lisbon.", user_id="ana")
    memory.search("Lisbon", user_id="ana")
