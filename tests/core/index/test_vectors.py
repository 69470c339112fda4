"""FAISS and the plain NumPy vectors keep the contract."""

from tests.contracts.index_contract import IndexContract

from holdfast.index.vectors import ExactVectors, FaissVectors


class TestFaissVectors(IndexContract):
    def vectors(self, dimensions):
        return FaissVectors(dimensions)


class TestExactVectors(IndexContract):
    def vectors(self, dimensions):
        return ExactVectors(dimensions)
