"""Processes that start in milliseconds: each is forked from one that has imported everything and opened nothing."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.torture.warm"])
