"""The whole promise of a store: every contract of `tests/contracts/store`, one file a subject."""

from tests.contracts.store.changes import ChangesContract
from tests.contracts.store.damage import DamageContract
from tests.contracts.store.duplicates import DuplicatesContract
from tests.contracts.store.erasing import ErasingContract
from tests.contracts.store.messages import MessagesContract
from tests.contracts.store.reading import ReadingContract
from tests.contracts.store.reembedding import ReembeddingContract
from tests.contracts.store.versions import VersionsContract
from tests.contracts.store.writing import WritingContract


class StoreContract(
    WritingContract,
    DuplicatesContract,
    ReadingContract,
    MessagesContract,
    ErasingContract,
    VersionsContract,
    ChangesContract,
    DamageContract,
    ReembeddingContract,
):
    """All of them; a subject defines `make_store`, as `tests.contracts.store.subject` says."""
