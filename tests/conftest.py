"""Fixtures of all tests, readable failures in the contracts, and no settings from this machine."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.contracts", "tests.results")


# No deadline: machines differ in speed. Differing executors: a contract runs over several subjects by design.
settings.register_profile(
    "holdfast", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
)
settings.load_profile("holdfast")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes seconds, such as real processes killed many times")


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch):
    for name in ("OPENAI_API_KEY", "HOLDFAST_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def start():
    """A function that starts a Python program in its own process, and kills it when the test ends."""
    running = []

    def start_(source: str, *arguments: object) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start_
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def output_of(start):
    """A function that runs a Python program to its end and returns the lines it printed."""

    def output_of_(source: str, *arguments: object) -> list[str]:
        printed, complaints = start(source, *arguments).communicate(timeout=30)
        assert not complaints, complaints
        return printed.splitlines()

    return output_of_
