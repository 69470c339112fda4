"""`reembed` gives every memory vectors of another embedder; none is lost or mixed, also with other writers."""

import asyncio
import contextlib
import pickle
import threading
import time

import numpy as np
import pytest
from tests.results import add_verbatim, texts
from tests.scripted import FailingEmbedder, OtherEmbedder
from tests.torture.cancellations import CancelAt, when_it_is_done

from holdfast import AsyncMemory, EmbedderMismatch, HashingEmbedder, InvalidInput, Memory, ProviderError
from holdfast.errors import DimensionMismatch, StorageError
from holdfast.testing import ScriptedEmbedder

SAID = [f"I own {number} red bicycles" for number in range(25)]


class Synonyms(HashingEmbedder):
    """Embeds "physician" as "doctor", which the hashing embedder does not."""

    def __init__(self, dimensions=64):
        super().__init__(dimensions)
        self.fingerprint = f"synonyms:{dimensions}"
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        return super().embed([text.replace("physician", "doctor") for text in texts])


class Stumbling(Synonyms):
    """Fails once, after some calls."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def embed(self, texts):
        self.calls -= 1
        if self.calls == -1:
            raise ConnectionError("no route")
        return super().embed(texts)


@pytest.fixture
def open_memory(open_memory, tmp_path):
    """A function that opens a file of the test, by default the same one."""

    def open_(path=tmp_path / "memory.db", **options):
        return open_memory(path, **{"llm": "rules", **options})

    return open_


@pytest.mark.parametrize("place", ["file", ":memory:"])
def test_every_memory_is_found_by_the_new_embedder(open_memory, tmp_path, place):
    memory = open_memory(tmp_path / "memory.db" if place == "file" else place, embedder="hashing")
    (doctor,) = add_verbatim(memory, "The physician is nice", user_id="ana")
    add_verbatim(memory, *SAID, user_id="ana")
    before = memory.get_all(user_id="ana", limit=100)
    assert memory.search("doctor", user_id="ana", keyword_search=False, limit=1)["results"][0]["id"] != doctor
    progress = []
    done = memory.reembed(Synonyms(), batch_size=10, progress=lambda *numbers: progress.append(numbers))
    assert (done["count"], done["embedder"], progress) == (26, "synonyms:64", [(10, 26), (20, 26), (26, 26)])
    assert memory.search("doctor", user_id="ana", keyword_search=False, limit=1)["results"][0]["id"] == doctor
    assert memory.get_all(user_id="ana", limit=100) == before
    assert memory.engines["embedder"] == "synonyms:64"
    (later,) = add_verbatim(memory, "My doctor moved", user_id="ana")
    assert later in [item["id"] for item in memory.search("physician moved", user_id="ana")["results"]]
    assert memory.doctor()["healthy"]


def test_the_store_opens_with_the_new_embedder_and_no_other(open_memory):
    memory = open_memory(embedder=Synonyms())
    add_verbatim(memory, *SAID, user_id="ana")
    memory.reembed("hashing")
    memory.close()
    assert open_memory().engines["embedder"] == HashingEmbedder().fingerprint
    with pytest.raises(DimensionMismatch, match="reembed"):
        open_memory(embedder=Synonyms())


def test_a_second_run_continues_after_a_failure(open_memory):
    memory = open_memory(embedder="hashing")
    add_verbatim(memory, *SAID, user_id="ana")
    stumbling = Stumbling(calls=2)
    with pytest.raises(ProviderError, match="no route"):
        memory.reembed(stumbling, batch_size=10)
    assert len(texts(memory.search("red bicycles", user_id="ana"))) == 10
    assert len(stumbling.embedded) == 20
    memory.reembed(stumbling, batch_size=10)
    assert len(stumbling.embedded) == 25


def test_memories_that_changed_since_a_failure_are_embedded_again(open_memory):
    memory = open_memory(embedder="hashing")
    ids = add_verbatim(memory, *SAID, user_id="ana")
    stumbling = Stumbling(calls=2)
    with pytest.raises(ProviderError):
        memory.reembed(stumbling, batch_size=10)
    memory.update(ids[0], "I see a doctor")
    memory.delete(ids[1])
    assert memory.reembed(stumbling, batch_size=10)["count"] == 24
    found = memory.search("physician", user_id="ana", keyword_search=False, limit=1)["results"]
    assert [item["id"] for item in found] == [ids[0]]
    assert memory.doctor()["healthy"]


def test_another_embedder_than_the_interrupted_one_starts_over(open_memory):
    memory = open_memory(embedder="hashing")
    add_verbatim(memory, *SAID, user_id="ana")
    with pytest.raises(ProviderError):
        memory.reembed(Stumbling(calls=2), batch_size=10)
    other = Synonyms(32)
    assert (memory.reembed(other)["count"], len(other.embedded)) == (25, 25)


def test_without_an_argument_the_current_embedder_embeds_again(open_memory):
    memory = open_memory(embedder="hashing")
    add_verbatim(memory, *SAID, user_id="ana")
    assert memory.reembed()["count"] == 25
    assert memory.engines["embedder"] == HashingEmbedder().fingerprint
    assert len(texts(memory.search("red bicycles", user_id="ana"))) == 10


def test_an_embedder_that_fails_changes_nothing(open_memory):
    memory = open_memory(embedder="hashing")
    add_verbatim(memory, *SAID, user_id="ana")
    with pytest.raises(ProviderError, match="no route"):
        memory.reembed(FailingEmbedder(32))
    assert memory.engines["embedder"] == HashingEmbedder().fingerprint
    assert len(texts(memory.search("red bicycles", user_id="ana"))) == 10


@pytest.mark.parametrize("batch_size", [0, -1, 10_001, True, "many", 1.5])
def test_an_invalid_batch_size_is_refused(open_memory, batch_size):
    with pytest.raises(InvalidInput, match="batch_size"):
        open_memory(embedder="hashing").reembed("hashing", batch_size=batch_size)


@pytest.mark.parametrize("other", [OtherEmbedder, lambda: Synonyms(32)], ids=["same length", "another length"])
def test_other_openers_get_embedder_mismatch_and_mix_nothing(open_memory, other):
    mine, theirs = open_memory(embedder="hashing"), open_memory(embedder="hashing")
    add_verbatim(theirs, *SAID, user_id="ana")
    theirs.search("bicycles", user_id="ana")
    mine.reembed(other())
    for use in (
        lambda: theirs.search("bicycles", user_id="ana"),
        lambda: theirs.add("I own a boat", user_id="ana", infer=False),
        lambda: theirs.put([{"memory_id": "guide", "text": "boats"}], user_id="ana"),
        lambda: theirs.update(theirs.get_all(user_id="ana")["results"][0]["id"], "I own a boat"),
    ):
        with pytest.raises(EmbedderMismatch, match="open it"):
            use()
    assert len(texts(theirs.get_all(user_id="ana"))) == 25
    assert len(texts(mine.search("red bicycles", user_id="ana"))) == 10


def test_memories_added_meanwhile_are_embedded_too(tmp_path):
    class Interrupted(Synonyms):
        def embed(self, texts):
            if len(self.embedded) < 25:
                add_verbatim(adding, f"I bought a boat after {len(self.embedded)}", user_id="ana")
            return super().embed(texts)

    with (
        Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory,
        Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as adding,
    ):
        add_verbatim(memory, *SAID, user_id="ana")
        assert memory.reembed(Interrupted(), batch_size=10)["count"] == 28
        found = memory.search("boat", user_id="ana")["results"]
        assert sum("boat" in item["memory"] for item in found) == 3
        assert memory.doctor()["healthy"]


def test_adds_of_other_threads_are_stored_or_refused_and_never_mixed(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder=ScriptedEmbedder()) as memory:
        kept, refused, stop = [], [], threading.Event()

        def keep_adding():
            while not stop.is_set():
                text = f"I own {len(kept)} boats"
                try:
                    kept.extend(add_verbatim(memory, text, user_id="ana"))
                except EmbedderMismatch:
                    refused.append(text)

        adding = threading.Thread(target=keep_adding)
        adding.start()
        for dimensions in (64, 32, 64):
            enough = len(kept) + 20
            while len(kept) < enough:
                time.sleep(0.001)
            memory.reembed(Synonyms(dimensions), batch_size=7)
        stop.set()
        adding.join()
        listed = memory.get_all(user_id="ana", limit=100_000)["results"]
        assert {item["id"] for item in listed} == set(kept)
        assert memory.doctor()["healthy"]
        lengths = {len(part.vectors[0]) for part in memory.runtime.store.index_batches(0)}
        assert lengths == {64}


def test_a_pickled_memory_opens_with_the_embedder_of_its_store(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        add_verbatim(memory, *SAID, user_id="ana")
        memory.reembed({"provider": "hashing", "config": {"dimensions": 64}})
        with pickle.loads(pickle.dumps(memory)) as again:  # noqa: S301 - our own
            assert again.engines == memory.engines
            assert len(texts(again.search("red bicycles", user_id="ana"))) == 10


def test_a_search_under_way_raises_instead_of_mixing_vectors(tmp_path):
    class Waiting(ScriptedEmbedder):
        """An embedder that answers a search only when it may."""

        async def aembed(self, texts):
            if texts == ["bicycles"]:
                asked.set()
                await may_answer.wait()
            return await super().aembed(texts)

    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def search_and_reembed():
        async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder=Waiting()) as memory:
            await memory.add([{"role": "user", "content": text} for text in SAID], user_id="ana", infer=False)
            searching = asyncio.create_task(memory.search("bicycles", user_id="ana"))
            await asked.wait()
            await memory.reembed(Synonyms())
            may_answer.set()
            with pytest.raises(EmbedderMismatch, match="search again"):
                await searching
            return await memory.search("red bicycles", user_id="ana")

    assert len(texts(asyncio.run(search_and_reembed()))) == 10


def test_a_damaged_new_vector_is_embedded_again(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        add_verbatim(memory, *SAID, user_id="ana")
        with pytest.raises(ProviderError):
            memory.reembed(Stumbling(calls=2), batch_size=10)
        broken = np.zeros(64, np.float32).tobytes()
        memory.runtime.store.write(
            lambda transaction: transaction.connection.execute("UPDATE reembedded SET vector = ?", [broken])
        )
        assert memory.reembed(Synonyms(), batch_size=10)["count"] == 25
        assert memory.doctor()["healthy"]


def test_two_reembeds_at_once_never_mix_their_vectors(tmp_path):
    class Overtaken(Synonyms):
        overtake = staticmethod(lambda: None)

        def embed(self, texts):
            overtake, self.overtake = self.overtake, lambda: None
            overtake()
            return super().embed(texts)

    path = tmp_path / "memory.db"
    with Memory(path, llm="rules", embedder="hashing") as one, Memory(path, llm="rules", embedder="hashing") as two:
        add_verbatim(one, *SAID, user_id="ana")
        slow, halfway = Overtaken(), Stumbling(calls=1)

        def begin_another():
            with pytest.raises(ProviderError):
                two.reembed(halfway, batch_size=10)

        halfway.fingerprint = "another:64"
        slow.overtake = begin_another
        with pytest.raises(StorageError, match="with another:64 has started"):
            one.reembed(slow, batch_size=20)
        assert len(texts(one.search("red bicycles", user_id="ana"))) == 10
        assert two.reembed(halfway, batch_size=10)["count"] == 25
        assert set(halfway.embedded) == set(SAID)  # no vector was taken from the other
        slow.overtake = lambda: two.reembed(HashingEmbedder(32))
        with pytest.raises(StorageError, match="has finished"):
            one.reembed(slow)
        assert {part.vectors.shape for part in two.runtime.store.index_batches(0)} == {(25, 32)}
        assert two.doctor()["healthy"]


async def test_a_re_embedding_that_is_cancelled_when_it_is_done_leaves_a_memory_that_works(tmp_path):
    async with AsyncMemory(tmp_path / "memory.db", llm="rules", embedder="hashing") as memory:
        await memory.add("I play the cello", user_id="ana", infer=False)
        cancelled_late = 0
        for number in range(1, 30):
            dimensions = 32 + number
            awaiting = CancelAt(memory.reembed(HashingEmbedder(dimensions)), number, when_it_is_done)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.create_task(awaiting.run())
            if not awaiting.is_reached:
                break
            cancelled_late += memory.engines["embedder"] == f"hashing:1:{dimensions}"
            assert texts(await memory.search("cello", user_id="ana")) == ["I play the cello"]
        assert cancelled_late == 1
