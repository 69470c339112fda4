"""The guard lets a subject add tests to a contract and refuses silent replacements."""

import pytest
from tests.contracts.guard import Contract


class Promises(Contract):
    def test_one(self):
        """Any contract test."""


class MorePromises(Contract):
    def test_two(self):
        """Any test of another contract."""


def test_a_subject_can_add_tests():
    class Subject(Promises):
        def test_two(self):
            """One more."""

    assert Subject.test_one is Promises.test_one


def test_a_subject_can_keep_several_contracts():
    class Subject(Promises, MorePromises):
        def test_three(self):
            """One more."""

    assert (Subject.test_one, Subject.test_two) == (Promises.test_one, MorePromises.test_two)


def test_a_silent_replacement_is_refused():
    with pytest.raises(TypeError, match=r"Subject\.test_one replaces a promise of Promises"):

        class Subject(Promises):
            def test_one(self):
                """Not the promise."""


def test_removing_a_test_is_refused():
    with pytest.raises(TypeError, match="test_one"):

        class Subject(Promises):
            test_one = None


def test_a_replacement_two_classes_below_is_refused():
    class Between(Promises):
        pass

    with pytest.raises(TypeError, match="test_one"):

        class Subject(Between):
            def test_one(self):
                """Not the promise."""


def test_a_replacement_below_several_contracts_is_refused():
    class All(MorePromises, Promises):
        pass

    with pytest.raises(TypeError, match=r"Subject\.test_one replaces a promise of Promises"):

        class Subject(All):
            def test_one(self):
                """Not the promise."""


def test_a_base_that_replaces_a_test_is_refused():
    class Mixin:
        @pytest.mark.xfail(reason="a reason that no subject gave")
        def test_one(self):
            """Not the promise."""

    with pytest.raises(TypeError, match=r"Mixin\.test_one replaces a promise of Promises"):

        class Subject(Mixin, Promises):
            pass


def test_two_contracts_with_one_test_name_are_refused():
    class Namesake(Contract):
        def test_one(self):
            """Another promise under the same name."""

    with pytest.raises(TypeError, match=r"Promises\.test_one replaces a promise of Namesake"):

        class All(Promises, Namesake):
            pass


def test_an_expected_failure_needs_a_reason():
    with pytest.raises(TypeError, match="test_one"):

        class Subject(Promises):
            @pytest.mark.xfail
            def test_one(self):
                """No reason given."""


def test_an_expected_failure_with_a_reason_is_allowed():
    class Subject(Promises):
        @pytest.mark.xfail(reason="this backend cannot")
        def test_one(self):
            raise NotImplementedError

    class BelowSubject(Subject):
        pass

    assert BelowSubject.test_one is not Promises.test_one
