"""Facts and decisions without a model: an engine of rules, and the rules of a language as data.

`extract` reads a conversation and keeps what its speakers say about themselves, and what notes say of them
("The user lives in Bonn"); `reconcile` compares one fact with what is known. Both are deterministic and take linear
time. The rules keep a sentence too many rather than replace one that may still be true.

The folder `english` holds the rules: word lists and patterns with examples. `explain` says which of them decide on a
sentence.
"""

import lazy_loader

# The rules take 35 ms to read and compile: paid by the first add, not by every start.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
