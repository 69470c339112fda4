"""`Memory` and `AsyncMemory` keep the contract and have the same verbs."""

from tests.contracts.memory_contract import MemoryContract
from tests.memories import Blocking

from holdfast import AsyncMemory, Memory


class TestMemory(MemoryContract):
    def make_memory(self, location, **options):
        return Memory(location, **options)


class TestAsyncMemory(MemoryContract):
    def make_memory(self, location, **options):
        return Blocking(lambda: AsyncMemory(location, **options))


def test_memory_and_async_memory_have_the_same_verbs():
    def verbs(memory_class):
        return {name for name in dir(memory_class) if not name.startswith("_")} - {"driver"}

    assert verbs(Memory) == verbs(AsyncMemory)
