"""The whole promise of a memory: every contract of `tests/contracts/memory`, one file a subject."""

from tests.contracts.memory.adding import AddingContract
from tests.contracts.memory.deleting import DeletingContract
from tests.contracts.memory.editing import EditingContract
from tests.contracts.memory.engines import EnginesContract
from tests.contracts.memory.erasing import ErasingContract, PruningContract
from tests.contracts.memory.extracting import ExtractionContract
from tests.contracts.memory.forgotten_turns import ForgottenTurnsContract
from tests.contracts.memory.history import HistoryContract
from tests.contracts.memory.keep_turns import KeepTurnsContract
from tests.contracts.memory.lifecycle import LifecycleContract
from tests.contracts.memory.listing import ListingContract
from tests.contracts.memory.reconciling import ReconciliationContract
from tests.contracts.memory.scopes import ScopeContract
from tests.contracts.memory.searching import SearchContract
from tests.contracts.memory.users import UsersContract


class MemoryContract(
    AddingContract,
    ExtractionContract,
    ReconciliationContract,
    KeepTurnsContract,
    ScopeContract,
    SearchContract,
    ListingContract,
    EditingContract,
    HistoryContract,
    DeletingContract,
    ForgottenTurnsContract,
    ErasingContract,
    PruningContract,
    UsersContract,
    EnginesContract,
    LifecycleContract,
):
    """All of them; a subject defines `make_memory`, as `tests.contracts.memory.subject` says."""
