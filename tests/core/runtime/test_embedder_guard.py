"""Vectors that an embedder must not return are refused, and nothing is written."""

import numpy as np
import pytest
from tests.core.refused_calls import adding, check_refused, memory_with_known_id, searching, updating

from holdfast.errors import (
    DimensionMismatch,
    ProviderError,
)
from holdfast.providers.hashing import HashingEmbedder


@pytest.fixture
def memory(tmp_path):
    with memory_with_known_id(tmp_path / "memory.db") as memory:
        yield memory


class Odd(HashingEmbedder):
    """An embedder whose answers are wrong; its fingerprint is that of the hashing embedder."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def embed(self, texts):
        return self.answer(super().embed(texts))


def failing(_vectors):
    raise RuntimeError("the engine is cold")


ODD = {
    "another length": (
        lambda vectors: vectors[:, :100],
        DimensionMismatch,
        r"\(1, 100\), expected \(1, 384\)",
    ),
    "too few vectors": (lambda vectors: vectors[:0], DimensionMismatch, r"\(0, 384\), expected \(1, 384\)"),
    "one flat list": (lambda vectors: vectors[0].tolist(), DimensionMismatch, r"\(384,\)"),
    "NaN": (lambda vectors: vectors * np.nan, ProviderError, "not finite"),
    "infinity": (lambda vectors: vectors + np.inf, ProviderError, "not finite"),
    "text": (lambda _: [["a"] * 384], ProviderError, "no numbers"),
    "nothing": (lambda _: None, DimensionMismatch, r"shape \(\)"),
    "ragged lists": (lambda _: [[1.0], [1.0, 2.0]], ProviderError, "no numbers"),
    "a raised error": (failing, ProviderError, "RuntimeError: the engine is cold"),
}


@pytest.mark.parametrize("case", ODD)
def test_invalid_vectors_are_refused_and_nothing_is_written(memory, case):
    answer, error, words = ODD[case]
    memory.runtime.engines = type(memory.runtime.engines)(embedder=Odd(answer))
    for call in (adding(), searching(), updating(text="I play the flute")):
        check_refused(memory, call, error, words)
