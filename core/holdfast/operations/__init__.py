"""Every verb, once, as a flow (see `holdfast.runtime.effects`): checked arguments in, Mem0's dictionaries out."""

from holdfast.operations.add import add
from holdfast.operations.context import context
from holdfast.operations.delete import batch_delete, delete, delete_all, reset
from holdfast.operations.doctor import doctor
from holdfast.operations.forget import forget
from holdfast.operations.get import get, get_all
from holdfast.operations.history import history, rollback
from holdfast.operations.prune_history import prune_history
from holdfast.operations.put import put
from holdfast.operations.reembed import reembed
from holdfast.operations.search import search
from holdfast.operations.update import batch_update, update
from holdfast.operations.users import delete_users, users

__all__ = [
    "add",
    "batch_delete",
    "batch_update",
    "context",
    "delete",
    "delete_all",
    "delete_users",
    "doctor",
    "forget",
    "get",
    "get_all",
    "history",
    "prune_history",
    "put",
    "reembed",
    "reset",
    "rollback",
    "search",
    "update",
    "users",
]
