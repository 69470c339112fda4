"""The table of verbs: what each is called, what it returns, whether it writes, and where it is offered.

`Memory`, `AsyncMemory`, `ScopedMemory`, the tools and the command line each list their verbs, so that type checkers
see them; `tests/core/test_verbs.py` checks every list against this table. A new verb is a function in this folder, a
row here, and one line in each face it is offered by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from holdfast import operations, results


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of a memory.

    Attributes:
        operation: The flow that carries it out; its name is the verb's.
        result: The type it returns: a dictionary of `holdfast.results`, or a built-in type.
        writes: Whether it changes the store.
        scoped: Whether `ScopedMemory` offers it, and with an `a` before its name the awaitable half.
        tool: The name of the tool that calls it, `None` without one.
        command: The command that calls it, `None` without one.
    """

    operation: Callable[..., Any]
    result: Any
    writes: bool = False
    scoped: bool = False
    tool: str | None = None
    command: str | None = None

    @property
    def name(self) -> str:
        """The name of the verb in every face."""
        return self.operation.__name__


VERBS = (
    Verb(operations.add, results.AddResult, writes=True, scoped=True, tool="add_memory", command="add"),
    Verb(operations.put, results.MessageResult, writes=True, scoped=True),
    Verb(operations.search, results.SearchResults, scoped=True, tool="search_memory", command="search"),
    Verb(operations.context, str, scoped=True),
    Verb(operations.get, results.MemoryItem | None, scoped=True, command="get"),
    Verb(operations.get_all, results.Listing, scoped=True, tool="get_all_memory", command="list"),
    Verb(operations.update, results.MessageResult, writes=True, scoped=True, tool="update_memory", command="update"),
    Verb(operations.delete, results.MessageResult, writes=True, scoped=True, tool="delete_memory", command="delete"),
    Verb(operations.delete_all, results.MessageResult, writes=True, scoped=True, command="delete"),
    Verb(operations.forget, results.ForgetResult, writes=True, command="forget"),
    Verb(operations.history, list[results.HistoryItem], command="history"),
    Verb(operations.rollback, results.MessageResult, writes=True),
    Verb(operations.prune_history, results.PruneResult, writes=True, command="prune-history"),
    Verb(operations.reset, results.MessageResult, writes=True),
    Verb(operations.batch_update, results.MessageResult, writes=True),
    Verb(operations.batch_delete, results.MessageResult, writes=True),
    Verb(operations.users, results.UserListing, command="users"),
    Verb(operations.delete_users, results.MessageResult, writes=True),
    Verb(operations.doctor, results.DoctorReport, writes=True, command="doctor"),
    Verb(operations.reembed, results.ReembedResult, writes=True, command="reembed"),
)
