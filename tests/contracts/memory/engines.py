"""What the stored engines promise: a store is never read with vectors of another embedder."""

import numpy as np
import pytest
from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, texts
from tests.scripted import OtherEmbedder

from holdfast.errors import (
    DimensionMismatch,
    EmbedderMismatch,
)
from holdfast.providers.hashing import HashingEmbedder


class EnginesContract(MemorySubject):
    def test_the_store_remembers_its_engines(self, open_memory):
        first = open_memory(embedder={"provider": "hashing", "config": {"dimensions": 64}})
        add_verbatim(first, "I play the cello", user_id="ana")
        engines = first.engines
        first.close()
        second = open_memory(llm=None, embedder=None)
        assert second.engines == engines
        assert "64" in engines["embedder"]
        assert len(texts(second.search("cello", user_id="ana"))) == 1

    @pytest.mark.parametrize(
        ("embedder", "error"), [(OtherEmbedder(), EmbedderMismatch), (HashingEmbedder(64), DimensionMismatch)]
    )
    def test_another_embedder_is_refused(self, open_memory, embedder, error):
        first = open_memory()
        add_verbatim(first, "I play the cello", user_id="ana")
        first.close()
        with pytest.raises(error, match=embedder.fingerprint):
            open_memory(embedder=embedder)
        assert len(texts(open_memory().search("cello", user_id="ana"))) == 1

    def test_another_embedder_is_refused_while_both_are_open(self, open_memory):
        first, second = open_memory(), open_memory(embedder=OtherEmbedder())
        add_verbatim(first, "I play the cello", user_id="ana")
        with pytest.raises(EmbedderMismatch):
            second.add("I play the flute", user_id="ana", infer=False)
        with pytest.raises(EmbedderMismatch):
            second.search("cello", user_id="ana")
        assert texts(first.get_all(user_id="ana")) == ["I play the cello"]

    def test_vectors_are_normalised_to_unit_length(self, open_memory):
        class Long(HashingEmbedder):
            def embed(self, texts):
                return super().embed(texts) * np.float32(7)

        memory = open_memory(embedder=Long())
        add_verbatim(memory, "I play the cello", user_id="ana")
        assert memory.search("I play the cello", user_id="ana")["results"][0]["score"] <= 1
