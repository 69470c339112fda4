"""Fixtures of the adapter tests."""

import pytest

from holdfast import Memory
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder, memory_for_tests


@pytest.fixture
def memory(tmp_path):
    """A memory in the file `memory.db` of the test's folder."""
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        yield memory


@pytest.fixture
def memory_without_facts():
    """A memory whose model extracts nothing, so that its embedder's calls are the searches of the test."""
    with memory_for_tests(llm=ScriptedChatModel({"facts": []}), embedder=ScriptedEmbedder()) as memory:
        memory.add("I like green tea", user_id="ana", infer=False)
        memory.runtime.engines.embedder.calls.clear()
        yield memory
