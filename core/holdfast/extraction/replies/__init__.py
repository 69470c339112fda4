"""Read what a model answered, however badly it is written.

A reply is read in two steps: first the JSON values in it, repaired where they are broken (`json_repair`), then the
facts or decisions in those values, under whatever names the model gave them (`entries`, `decisions`). What cannot be
used is returned as skipped with a reason, so that nothing disappears silently.
"""

import lazy_loader

# Their patterns take 7 ms to compile: paid by the first reply, not by every start.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
