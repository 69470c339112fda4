"""The whole promise of an index: every contract of `tests/contracts/index`."""

from tests.contracts.index.candidates import CandidatesContract
from tests.contracts.index.following import FollowingContract
from tests.contracts.index.scoring import ScoringContract


class IndexContract(FollowingContract, CandidatesContract, ScoringContract):
    """All of them; a subject defines `make_index`, as `tests.contracts.index.subject` says."""
