"""Fixtures that open memories of both kinds and close them after the test."""

from functools import partial

import pytest
from tests.memories import blocking, closing_at_the_end

from holdfast import AsyncMemory, Memory


@pytest.fixture(params=[Memory, AsyncMemory], ids=["blocking", "awaited"])
def open_memory(request):
    """A function like `Memory`; half of the tests get an `AsyncMemory` with blocking verbs."""
    with closing_at_the_end(partial(blocking, request.param)) as open_memory:
        yield open_memory


@pytest.fixture
def open_in_ram(open_memory):
    """A function that opens a memory in RAM, with the rules and the hashing embedder unless options name others."""

    def open_(**options):
        return open_memory(":memory:", **{"llm": "rules", "embedder": "hashing", **options})

    return open_
