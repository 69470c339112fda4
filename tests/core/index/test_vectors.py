"""`FaissVectors` and `ExactVectors` keep the contract."""

from tests.contracts.index.vectors import VectorsContract

from holdfast.index.vectors import ExactVectors, FaissVectors


class TestFaissVectors(VectorsContract):
    def make_vectors(self, dimensions):
        return FaissVectors(dimensions)


class TestExactVectors(VectorsContract):
    def make_vectors(self, dimensions):
        return ExactVectors(dimensions)
