"""Answers of engines that cannot be used."""

import pytest

from holdfast import Memory
from holdfast.errors import ProviderError


def test_a_model_that_returns_no_text_raises_a_provider_error():
    class Odd:
        def complete(self, messages, *, schema=None):
            return {"facts": len(messages), "schema": schema}

    with (
        Memory(":memory:", llm=Odd(), embedder="hashing") as memory,
        pytest.raises(ProviderError, match="dict, not text"),
    ):
        memory.add("I like tea", user_id="ana")
