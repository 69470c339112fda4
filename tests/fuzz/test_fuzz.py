"""A sample of the fuzz targets, the same inputs in every run."""

import pytest
from tests.fuzz.targets import TARGETS, run

from holdfast.operations.verbs import VERBS

SAMPLE = 40


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_errors_of_holdfast_leave_a_call_and_a_refused_call_changes_nothing(target):
    assert run(target, SAMPLE, derandomize=True)


def test_every_verb_has_a_target():
    assert {verb.name for verb in VERBS} <= {target.name for target in TARGETS}
