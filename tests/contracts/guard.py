"""What makes a contract binding: a subject may add to it, never silently take from it."""

from typing import Any


class Contract:
    """Base of the abstract test classes; a subject inherits from one and says what is under test.

    A subject that replaces a contract's test fails when it is defined. One that cannot keep a promise says so
    with `@pytest.mark.xfail(reason=...)` on the replacement.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, replacement in vars(cls).items():
            promised = any(name in vars(parent) for parent in cls.__mro__[1:])
            if name.startswith("test_") and promised and not _explains_itself(replacement):
                raise TypeError(
                    f"{cls.__name__}.{name} replaces a promise of its contract: keep the promise, or mark it"
                    " xfail with the reason"
                )


def _explains_itself(test: object) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
