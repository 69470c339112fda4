"""What makes a contract binding: a subject may add tests to it, never silently replace one."""

from typing import Any


class Contract:
    """Base of the abstract test classes; a subject inherits from one or several and says what is under test.

    A class that replaces a contract's test, itself or through another base, fails when it is defined. A subject that
    cannot keep a promise says so with `@pytest.mark.xfail(reason=...)` on the replacement.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in {name for parent in cls.__mro__ for name in vars(parent) if name.startswith("test_")}:
            winner, *hidden = (parent for parent in cls.__mro__ if name in vars(parent))
            if any(not _may_replace(winner, promised, name) for promised in hidden):
                raise TypeError(
                    f"{winner.__name__}.{name} replaces a promise of {hidden[-1].__name__}: keep the promise, or mark"
                    " the replacement xfail with the reason"
                )


def _may_replace(winner: type, promised: type, name: str) -> bool:
    """Return whether `winner` is a subject of `promised` that gives a reason; a base beside it never is one."""
    return issubclass(winner, promised) and _has_reason(vars(winner)[name])


def _has_reason(test: object) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
