"""Ctrl-C, or another interrupt, stops its own thread only: every write gets an outcome, and no lock stays taken."""

import linecache
import sys
import threading

import pytest
from tests.contracts.store.subject import insert, record

from holdfast.errors import StorageError
from holdfast.stores.sqlite import group_commit
from holdfast.stores.sqlite.store import SqliteStore

UNDER_LOAD = """
import signal, sys, threading
from holdfast import Memory
from holdfast.testing import ScriptedEmbedder

path, interrupts = sys.argv[1], int(sys.argv[2])
memory = Memory(path, llm="rules", embedder=ScriptedEmbedder())
memory.add("warm", user_id="ana", infer=False), memory.search("warm", user_id="ana")  # imports are done
acknowledged, failures, stop = [], [], threading.Event()


def add_and_search(thread):
    number = 0
    while not stop.is_set():
        number += 1
        try:
            acknowledged.append(memory.add(f"{thread} says {number}", user_id="ana", infer=False)["results"][0]["id"])
            memory.search(f"{number}", user_id="ana", limit=1)
        except BaseException as error:
            failures.append(repr(error))


threads = [threading.Thread(target=add_and_search, args=[thread], daemon=True) for thread in range(3)]
for thread in threads:
    thread.start()
signal.signal(signal.SIGALRM, signal.default_int_handler)
for number in range(interrupts):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.004 * (number * 0.618 % 1))
        while True:
            acknowledged.append(memory.add(f"main says {number}", user_id="ana", infer=False)["results"][0]["id"])
            memory.search(f"{number}", user_id="ana", limit=1)
            number += interrupts
    except KeyboardInterrupt:
        pass
stop.set()
for thread in threads:
    thread.join(60)
print(sum(thread.is_alive() for thread in threads), *failures)
memory.add("afterwards", user_id="ana", infer=False)
kept = {item["id"] for item in memory.get_all(user_id="ana", limit=1_000_000)["results"]}
print(len(set(acknowledged) - kept), memory.doctor()["healthy"])
memory.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interval timer")
@pytest.mark.parametrize("location", ["memory.db", ":memory:"])
def test_ctrl_c_under_load_reaches_its_own_thread_only(tmp_path, start, location):
    path = location if location == ":memory:" else tmp_path / location
    printed, complaints = start(UNDER_LOAD, path, 300).communicate(timeout=120)
    assert (printed.splitlines(), complaints) == (["0", "0 True"], "")


@pytest.fixture(params=["memory.db", ":memory:"])
def store(request, tmp_path):
    store = SqliteStore(request.param if request.param == ":memory:" else tmp_path / request.param)
    yield store
    store.close()


def queue_elsewhere(store, *works):
    """Queue `works` from a thread that does not flush, as one that waits for the lock."""
    queued = []
    thread = threading.Thread(target=lambda: queued.extend(map(store.submit, works)))
    thread.start()
    thread.join()
    return queued


def write_elsewhere(store, work):
    """Write in another thread, which a lock left taken would stop for ever."""
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(store.write(work)), daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "a lock stays taken"
    return outcomes[0]


def interrupt_once(error, work):
    """Return `work` with an interrupt of the thread that carries it out, the first time it does."""
    interrupts = iter([error])

    def interrupted(transaction):
        result = work(transaction)
        for one in interrupts:
            raise one
        return result

    return interrupted


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_amid_anothers_write_is_raised_in_the_thread_it_stops(store, kind):
    first, second = queue_elsewhere(store, interrupt_once(kind(), insert(record("first"))), insert(record("second")))
    with pytest.raises(kind):
        store.write(insert(record("own")))
    assert (first.result(), second.result()) == (None, None)
    write_elsewhere(store, insert(record("next")))
    assert set(store.get(["first", "second", "own", "next"])) == {"first", "second", "next"}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_a_write_raises_itself_is_not_raised_in_another_thread(store, kind):
    def raising(transaction):
        insert(record("lost"))(transaction)
        raise kind

    bad, good = queue_elsewhere(store, raising, insert(record("good")))
    try:
        store.write(insert(record("own")))
    except StorageError:  # it may be asked to call again
        store.write(insert(record("own")))
    with pytest.raises(kind):
        bad.result()
    assert good.result() is None
    assert set(store.get(["lost", "good", "own"])) == {"good", "own"}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_amid_its_own_write_undoes_that_write_alone(store, kind):
    (other,) = queue_elsewhere(store, insert(record("other")))
    with pytest.raises(kind):
        store.write(interrupt_once(kind(), insert(record("own"))))
    assert other.result() is None
    write_elsewhere(store, insert(record("next")))
    assert set(store.get(["other", "own", "next"])) == {"other", "next"}


class InterruptAtLine:
    """Interrupt this thread before the line of `group_commit` that comes as number `count`."""

    def __init__(self, count):
        self.left = count

    def __enter__(self):
        sys.settrace(self._enter_function)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _enter_function(self, frame, *_):
        return self._before_line if frame.f_code.co_filename == group_commit.__file__ else None

    def _before_line(self, frame, event, _):
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        # The tracer also stops where the interpreter lets no signal in: between a lock and its block, on both sides.
        if event == "line" and not line.startswith(("with ", "try:")):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
        return self._before_line


def test_an_interrupt_before_any_line_of_the_commit_leaves_every_write_whole_or_not_there(store):
    number, finished = 0, False
    while not finished:
        number += 1
        ids = [f"{number}/{name}" for name in ("first", "second", "own", "next")]
        queued = queue_elsewhere(store, insert(record(ids[0])), insert(record(ids[1])))
        outcomes = {}
        with InterruptAtLine(number) as tracer:
            try:
                store.write(insert(record(ids[2])))
            except KeyboardInterrupt:
                outcomes[ids[2]] = None  # the thread was stopped: written or not
            else:
                finished = tracer.left > 0
                outcomes[ids[2]] = True
        write_elsewhere(store, insert(record(ids[3])))
        for memory_id, one in zip(ids, queued, strict=False):
            assert one.is_done, number
            assert one.failure is None or isinstance(one.failure, StorageError), number
            outcomes[memory_id] = one.failure is None
        kept = store.get(ids)
        assert ids[3] in kept
        for memory_id, written in outcomes.items():
            assert written is None or (memory_id in kept) == written, number
    assert number > 30  # lines there are


def test_an_interrupt_between_two_writes_leaves_no_transaction_open(store):
    for number in range(3):
        with pytest.raises(KeyboardInterrupt):
            store.write(interrupt_once(KeyboardInterrupt(), insert(record(f"lost {number}"))))
        store.write(insert(record(f"kept {number}")))
    assert set(store.get([f"{kind} {number}" for kind in ("lost", "kept") for number in range(3)])) == {
        "kept 0",
        "kept 1",
        "kept 2",
    }
