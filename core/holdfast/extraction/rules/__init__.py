"""Facts and decisions without a model: rules of English, deterministic and in linear time.

`extract` reads a conversation and keeps what its speakers say about themselves, and what notes say of them
("The user lives in Bonn"); `reconcile` compares one fact with what is known. The rules keep a sentence too many
rather than replace one that may still be true.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazily

if TYPE_CHECKING:
    from holdfast.extraction.rules.extractor import extract
    from holdfast.extraction.rules.questions import properties_asked
    from holdfast.extraction.rules.reconciler import reconcile
    from holdfast.extraction.rules.slots import Slot, slots_of
    from holdfast.extraction.rules.standing import standing_of
    from holdfast.extraction.rules.subjects import Subject

__all__ = ["Slot", "Subject", "extract", "properties_asked", "reconcile", "slots_of", "standing_of"]

# Their patterns take 40 ms to compile: paid by the first add, not by every start.
__getattr__ = lazily(
    __name__,
    {
        "Slot": "holdfast.extraction.rules.slots",
        "Subject": "holdfast.extraction.rules.subjects",
        "extract": "holdfast.extraction.rules.extractor",
        "properties_asked": "holdfast.extraction.rules.questions",
        "reconcile": "holdfast.extraction.rules.reconciler",
        "slots_of": "holdfast.extraction.rules.slots",
        "standing_of": "holdfast.extraction.rules.standing",
    },
)
