"""The database of the filter tests."""

import pytest
from tests.core.filters.evaluate import open_database


@pytest.fixture(scope="module")
def database():
    database = open_database()
    yield database
    database.close()
