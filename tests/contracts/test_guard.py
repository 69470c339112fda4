"""The guard lets a subject add promises, and take none away without a word."""

import pytest
from tests.contracts.guard import Contract


class Promises(Contract):
    def test_one(self):
        """Any contract test."""


def test_a_subject_may_add_promises():
    class Subject(Promises):
        def test_two(self):
            """One more."""

    assert Subject.test_one is Promises.test_one


def test_a_silent_override_is_refused():
    with pytest.raises(TypeError, match=r"Subject\.test_one replaces a promise"):

        class Subject(Promises):
            def test_one(self):
                """Not the promise."""


def test_taking_a_test_away_is_refused():
    with pytest.raises(TypeError, match="test_one"):

        class Subject(Promises):
            test_one = None


def test_an_override_two_steps_down_is_refused():
    class Between(Promises):
        pass

    with pytest.raises(TypeError, match="test_one"):

        class Subject(Between):
            def test_one(self):
                """Not the promise."""


def test_an_expected_failure_needs_its_reason():
    with pytest.raises(TypeError, match="test_one"):

        class Subject(Promises):
            @pytest.mark.xfail
            def test_one(self):
                """No reason given."""


def test_an_expected_failure_with_its_reason_is_allowed():
    class Subject(Promises):
        @pytest.mark.xfail(reason="this backend cannot")
        def test_one(self):
            raise NotImplementedError

    assert Subject.test_one is not Promises.test_one
