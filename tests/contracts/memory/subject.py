"""What a subject of the memory contracts provides."""

from abc import abstractmethod
from datetime import datetime, timedelta, timezone

import pytest
from tests.contracts.guard import Contract
from tests.memories import closing_at_the_end

YESTERDAY = (datetime.now(timezone.utc) - timedelta(days=1)).date().isoformat()
TOMORROW = (datetime.now(timezone.utc) + timedelta(days=1)).date().isoformat()


class MemorySubject(Contract):
    """Base of the memory contracts: a subject defines `make_memory` and inherits the tests.

    The tests are blocking calls of the verbs of `Memory`; a subject that is awaited comes in `tests.memories.Blocking`.
    `make_memory` gets

    - `location`, a path in a folder of the test, or `":memory:"`. The same location reaches the same store, also while
      it is open. A subject that keeps its store elsewhere (a schema in PostgreSQL, a server) derives a name from it.
    - `options` as `Memory` takes them: `llm`, `embedder`, `reranker` and `config`. Engines are names, Mem0's
      dictionaries or Python objects that the test made and looks at afterwards. A subject that speaks to a server
      starts the server with these engines in the process of the test.

    The memory has a property `engines` (its engines by role, as text) and `close()`, which also ends a server that
    `make_memory` started. A subject that cannot keep one promise marks it `xfail` with a reason (see
    `tests.contracts.guard`); a subject that has no use for one contract inherits the others one by one instead of
    `MemoryContract`.
    """

    @abstractmethod
    def make_memory(self, location, **options):
        """Open the store at `location` and return a memory with blocking verbs."""

    @pytest.fixture
    def open_memory(self, tmp_path):
        """A function that opens the test's store, without a model unless the test names one."""

        def open_(location=tmp_path / "memory.db", **options):
            return self.make_memory(location, **{"embedder": "hashing", "llm": "rules", **options})

        with closing_at_the_end(open_) as open_memory:
            yield open_memory

    @pytest.fixture
    def memory(self, open_memory):
        return open_memory()
