"""The command line."""

import contextlib
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from rich.console import Console
from typer.testing import CliRunner

import holdfast_cli
from holdfast import InvalidInput, Memory, __version__
from holdfast.testing import Fault, memory_for_tests, scripted_openai_server
from holdfast_cli import app
from holdfast_cli.commands.demo import play
from holdfast_cli.conversation_files import parse_conversations, parse_session_time
from holdfast_cli.options import parse_time
from holdfast_cli.output import replace_controls, to_one_line

COMMANDS = "demo add search list get update delete forget prune-history history users doctor reembed audit eval".split()
EVALUATED = Path(__file__).with_name("evaluation_conversations.json").read_text("utf-8")
README = Path(holdfast_cli.__file__).with_name("README.md").read_text("utf-8")
KEY_FREE = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
AT_A_TERMINAL = {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm-256color"}
NO_ONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _key_free(monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("HOLDFAST_DIR", str(tmp_path / "default"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "memory.db")


def run(*words, stdin=None, **environment):
    return CliRunner().invoke(app, list(words), input=stdin, env=environment, prog_name="holdfast")


def run_json(*words, **options):
    result = run(*words, "--json", **options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def ana(path, *texts):
    """Add `texts` for the user ana; return the ids of the memories."""
    with Memory(path) as memory:
        return [item["id"] for text in texts for item in memory.add(text, user_id="ana")["results"]]


def write(folder, content, name="conversations.json"):
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(file)


def locomo(**sessions):
    return {"sample_id": "sample-7", "conversation": {"speaker_a": "Ida", "speaker_b": "Tom", **sessions}}


# Adding and finding


def test_an_added_memory_is_found(path):
    added = run_json("add", "I moved to Lisbon and I'm allergic to peanuts", "--user-id", "ana", "--path", path)
    assert {item["event"] for item in added["results"]} == {"ADD"}
    found = run_json("search", "what am I allergic to?", "--user-id", "ana", "--path", path)
    assert found["results"][0]["memory"] == "I'm allergic to peanuts"


def test_a_text_can_come_from_stdin(path):
    added = run_json("add", "-", "--user-id", "ana", "--path", path, stdin="I play the cello\n")
    assert [item["memory"] for item in added["results"]] == ["I play the cello"]


def test_stdin_that_is_not_text_is_refused(path):
    result = run("add", "-", "--user-id", "ana", "--path", path, stdin=b"I like \xff")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "stdin is not UTF-8 text (byte 7)" in result.stderr


def test_every_option_of_add_is_stored(path):
    about = ("--metadata", '{"team": "red"}', "--timestamp", "2026-05-08T13:56:00Z", "--expiration-date", "2999-01-31")
    whose = ("--user-id", "ana", "--agent-id", "guide", "--run-id", "r1", "--app-id", "shop")
    run_json("add", "Hm, tea.", "--verbatim", *about, *whose, "--path", path)
    (item,) = run_json("list", "--filters", '{"team": "red"}', *whose, "--path", path)["results"]
    assert item["memory"] == "Hm, tea."
    assert item["metadata"] == {"team": "red"}
    assert item["created_at"] == "2026-05-08T13:56:00+00:00"
    assert item["expiration_date"] == "2999-01-31"
    assert [item[field] for field in ("user_id", "agent_id", "run_id", "app_id")] == ["ana", "guide", "r1", "shop"]


def test_unix_seconds_are_a_time_and_a_year_is_not(path):
    assert parse_time("1778248560") == 1778248560.0
    assert parse_time("2026") == "2026"
    result = run("add", "I like tea", "--user-id", "ana", "--timestamp", "2026", "--path", path)
    assert result.exit_code == 2
    assert "timestamp is '2026'" in result.stderr


def test_a_duplicate_fact_is_reported_as_skipped(path):
    ana(path, "I live in Rome")
    result = run("add", "I live in Rome", "--user-id", "ana", "--path", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 skipped: 1 duplicate" in result.stderr
    assert "nothing was stored" in result.stderr


def test_users_never_see_each_other(path):
    ana(path, "I'm allergic to peanuts")
    result = run("search", "allergic to peanuts", "--user-id", "ben", "--path", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"results": []}


def test_limit_and_threshold_bound_the_results(path):
    ana(path, "I like green tea", "I like black coffee", "I play the cello")
    whose = ("--user-id", "ana", "--path", path)
    assert len(run_json("search", "green tea", "--limit", "2", *whose)["results"]) == 2
    assert len(run_json("list", "--limit", "2", *whose)["results"]) == 2
    (best,) = run_json("search", "green tea", "--threshold", "0.5", *whose)["results"]
    assert best["memory"] == "I like green tea"


def test_explain_shows_the_signals_of_a_score(path):
    ana(path, "I like green tea")
    found = run_json("search", "tea", "--explain", "--user-id", "ana", "--path", path)
    assert set(found["results"][0]["score_details"]) == {"semantic", "keyword"}
    assert "keyword " in run("search", "tea", "--explain", "--user-id", "ana", "--path", path).stdout


def test_the_json_is_what_the_library_returns(path):
    (memory_id,) = ana(path, "I like green tea")
    at = ("--path", path)
    printed = [
        run_json("search", "tea", "--user-id", "ana", *at),
        run_json("list", "--user-id", "ana", *at),
        run_json("get", memory_id, *at),
        run_json("history", memory_id, *at),
        run_json("users", *at),
        run_json("doctor", *at),
    ]
    with Memory(path) as memory:
        assert printed == [
            memory.search("tea", user_id="ana"),
            memory.get_all(user_id="ana"),
            memory.get(memory_id),
            memory.history(memory_id),
            memory.users(),
            memory.doctor(),
        ]


def test_the_default_store_is_in_holdfast_dir(tmp_path):
    run_json("add", "I like green tea", "--user-id", "ana")
    assert (tmp_path / "default" / "memory.db").exists()
    assert len(run_json("list", "--user-id", "ana")["results"]) == 1


# Changing


def test_an_update_keeps_the_id_and_shows_in_the_history(path):
    (memory_id,) = ana(path, "I live in Rome")
    result = run("update", memory_id, "I live in Bari", "--metadata", '{"sure": true}', "--path", path)
    assert (result.exit_code, result.stdout) == (0, f"updated {memory_id}\n")
    item = run_json("get", memory_id, "--path", path)
    assert (item["memory"], item["metadata"]) == ("I live in Bari", {"sure": True})
    lines = run("history", memory_id, "--path", path).stdout.splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        ["ADD", "", "I live in Rome"],
        ["UPDATE", "I live in Rome", "I live in Bari"],
    ]


def test_the_history_shows_what_changes_beside_the_text(path):
    (memory_id,) = ana(path, "I live in Rome")
    run("update", memory_id, "--metadata", '{"sure": true}', "--path", path)
    run("update", memory_id, "--expiration-date", "2999-12-31", "--path", path)
    _, *lines = run("history", memory_id, "--path", path).stdout.splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["sure: nothing → true", "expires: nothing → 2999-12-31"]


def test_an_expiration_date_is_set_and_cleared(path):
    (memory_id,) = ana(path, "I live in Rome")
    run_json("update", memory_id, "--expiration-date", "2999-12-31", "--path", path)
    assert run_json("get", memory_id, "--path", path)["expiration_date"] == "2999-12-31"
    run_json("update", memory_id, "--expiration-date", "never", "--path", path)
    assert "expiration_date" not in run_json("get", memory_id, "--path", path)


def test_a_deleted_memory_is_gone_and_its_history_stays(path):
    (memory_id,) = ana(path, "I live in Rome")
    assert run("delete", memory_id, "--path", path).stdout == f"deleted {memory_id}\n"
    assert run("get", memory_id, "--path", path).exit_code == 1
    assert [version["event"] for version in run_json("history", memory_id, "--path", path)] == ["ADD", "DELETE"]


def test_deleting_all_asks_first_and_stays_within_the_scope(path):
    ana(path, "I live in Rome", "I play the cello")
    run_json("add", "I live in Oslo", "--user-id", "ben", "--path", path)
    delete = ("delete", "--all", "--user-id", "ana", "--path", path)

    declined = run(*delete, stdin="n\n")
    assert (declined.exit_code, declined.stdout) == (1, "")
    assert "Delete 2 memories of user_id ana? [y/N]" in declined.stderr
    unanswered = run(*delete, stdin="")
    assert unanswered.exit_code == 2
    assert "give --yes" in unanswered.stderr
    assert len(run_json("list", "--user-id", "ana", "--path", path)["results"]) == 2

    assert run_json(*delete, stdin="y\n")["count"] == 2
    assert [item["name"] for item in run_json("users", "--path", path)["results"]] == ["ben"]


def test_deleting_all_of_an_unknown_user_finds_nothing(path):
    ana(path, "I live in Rome")
    result = run("delete", "--all", "--user-id", "ben", "--yes", "--path", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["count"] == 0


def test_a_forgotten_memory_has_no_history(path):
    (memory_id,) = ana(path, "I live in Rome")
    declined = run("forget", memory_id, "--path", path, stdin="n\n")
    assert declined.exit_code == 1
    assert f"Erase {memory_id} for good" in declined.stderr
    erased = run("forget", memory_id, "--path", path, "--yes")
    assert erased.stdout == "erased 1 memory, 1 turn and 1 version\n"
    assert run("history", memory_id, "--path", path).exit_code == 1


def test_forgetting_or_erasing_a_scope_takes_its_history(path):
    first, second = ana(path, "I live in Rome", "I play the cello")
    run("delete", first, "--path", path)
    assert run_json("delete", "--all", "--erase", "--user-id", "ana", "--yes", "--path", path)["count"] == 1
    for memory_id in (first, second):
        assert run("history", memory_id, "--path", path).exit_code == 1
    ana(path, "I live in Rome")
    assert run_json("forget", "--user-id", "ana", "--yes", "--path", path)["memories"] == 1


def test_pruning_deletes_former_states(path):
    (memory_id,) = ana(path, "I live in Rome")
    for city in ("Bari", "Faro"):
        run("update", memory_id, f"I live in {city}", "--path", path)
    pruned = run("prune-history", "--keep", "1", "--path", path)
    assert pruned.stdout == "deleted 1 version and 0 turns\n"
    assert len(run_json("history", memory_id, "--path", path)) == 2
    assert run_json("prune-history", "--before", "2999-01-01", "--user-id", "ana", "--path", path)["versions"] == 1


# Errors


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (["add"], "InvalidInput", "say what to remember"),
        (["add", "text", "--file", "file"], "InvalidInput", "say what to remember"),
        (["add", "I like tea"], "InvalidInput", "no scope is named"),
        (["add", " ", "--user-id", "ana"], "InvalidInput", "nothing to remember"),
        (["add", "tea", "--user-id", "ana", "--metadata", "{"], "InvalidInput", "--metadata is not JSON"),
        (["add", "tea", "--user-id", "ana", "--metadata", "[1]"], "InvalidInput", "give a JSON object"),
        (["add", "tea", "--user-id", "ana", "--timestamp", "soon"], "InvalidInput", "timestamp is 'soon'"),
        (["add", "tea", "--user-id", "ana", "--expiration-date", "soon"], "InvalidInput", "expiration_date is 'soon'"),
        (["add", "tea", "--user-id", "ana", "--llm", "oracle"], "ConfigError", "'oracle' is not known"),
        (["add", "tea", "--user-id", "ana", "--embedder", "oracle"], "ConfigError", "'oracle' is not known"),
        (["add", "tea", "--user-id", "ana", "--llm", "openai"], "ConfigError", "OPENAI_API_KEY"),
        (["add", "--file", "missing.json", "--user-id", "ana"], "InvalidInput", "missing.json cannot be read"),
        (["search"], "UsageError", "query"),
        (["search", "tea"], "InvalidInput", "no scope is named"),
        (["search", " ", "--user-id", "ana"], "InvalidInput", "query is blank"),
        (["search", "tea", "--user-id", "ana", "--limit", "0"], "InvalidInput", "limit is 0"),
        (["search", "tea", "--user-id", "ana", "--limit", "many"], "UsageError", "--limit"),
        (["search", "tea", "--user-id", "ana", "--threshold", "2"], "InvalidInput", "threshold is 2.0"),
        (["search", "tea", "--filters", '{"user_id": {"near": 1}}'], "InvalidFilter", "near"),
        (["list"], "InvalidInput", "no scope is named"),
        (["list", "--user-id", "ana", "--filters", "user"], "InvalidInput", "--filters is not JSON"),
        (["get"], "UsageError", "ID"),
        (["get", " "], "InvalidInput", "memory_id is ' '"),
        (["update", NO_ONE], "InvalidInput", "nothing is to be updated"),
        (["update", NO_ONE, "tea", "--metadata", '{"user_id": "ben"}'], "InvalidInput", "metadata may not set user_id"),
        (["delete"], "InvalidInput", "say what to delete"),
        (["delete", "--user-id", "ana"], "InvalidInput", "say what to delete"),
        (["delete", NO_ONE, "--all", "--user-id", "ana"], "InvalidInput", "say what to delete"),
        (["delete", NO_ONE, "--user-id", "ana"], "InvalidInput", "say what to delete"),
        (["delete", "--all", "--yes"], "InvalidInput", "no scope is named"),
        (["delete", NO_ONE, "--erase"], "InvalidInput", "holdfast forget"),
        (["forget"], "InvalidInput", "say what to forget"),
        (["forget", NO_ONE, "--user-id", "ana"], "InvalidInput", "say what to forget"),
        (["prune-history"], "InvalidInput", "neither keep nor before"),
        (["prune-history", "--keep", "-1"], "InvalidInput", "keep is -1"),
        (["prune-history", "--before", "soon"], "InvalidInput", "before is 'soon'"),
        (["history", " "], "InvalidInput", "memory_id is ' '"),
        (["users", "--user-id", "ana"], "UsageError", "--user-id"),
        (["doctor", "everything"], "UsageError", "everything"),
        (["demo", "--fast"], "UsageError", "--fast"),
    ],
)
def test_invalid_input_is_one_clear_line_and_exit_code_2(words, kind, says):
    run_json("add", "I like green tea", "--user-id", "ana")
    for_people = run(*words)
    assert (for_people.exit_code, for_people.stdout) == (2, "")
    assert for_people.stderr.startswith("error: ")
    assert for_people.stderr.count("\n") == 1
    assert says in for_people.stderr

    for_scripts = run(*words, "--json")
    assert (for_scripts.exit_code, for_scripts.stdout) == (2, "")
    error = json.loads(for_scripts.stderr)["error"]
    assert error["type"] == kind
    assert says in error["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["get", NO_ONE],
        ["update", NO_ONE, "x"],
        ["delete", NO_ONE],
        ["forget", NO_ONE, "--yes"],
        ["prune-history", "--keep", "1", "--memory-id", NO_ONE],
        ["history", NO_ONE],
    ],
)
def test_an_unknown_id_is_exit_code_1(words, path):
    ana(path, "I live in Rome")
    result = run(*words, "--path", path, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    error = json.loads(result.stderr)["error"]
    assert error["type"] == "NotFound"
    assert NO_ONE in error["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["search", "x", "--user-id", "ana"],
        ["list", "--user-id", "ana"],
        ["get", NO_ONE],
        ["update", NO_ONE, "x"],
        ["delete", NO_ONE],
        ["forget", NO_ONE],
        ["prune-history", "--keep", "1"],
        ["history", NO_ONE],
        ["users"],
        ["doctor"],
    ],
)
def test_a_mistyped_path_creates_no_store(words, path):
    result = run(*words, "--path", path)
    assert result.exit_code == 1
    assert f"there is no store at {path}" in result.stderr
    assert not Path(path).exists()


def test_an_empty_store_has_no_users(path):
    run("add", "Hello!", "--user-id", "ana", "--path", path)
    result = run("users", "--path", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"count": 0, "results": []}


def test_a_file_that_is_not_a_store_is_exit_code_3(path):
    Path(path).write_bytes(b"these bytes are no database" * 200)
    for words in (["users"], ["search", "x", "--user-id", "ana"], ["add", "I like tea", "--user-id", "ana"], ["demo"]):
        result = run(*words, "--path", path, "--json")
        assert (result.exit_code, result.stdout) == (3, "")
        assert json.loads(result.stderr)["error"]["type"] == "StorageError"


def test_a_read_only_store_can_be_searched_and_refuses_to_be_written(path):
    ana(path, "I like green tea")
    with Path(path).open("r+b") as file:
        file.seek(18)  # the write version: SQLite opens a file with a later one read-only
        file.write(b"\x03")
    assert len(run_json("search", "tea", "--user-id", "ana", "--path", path)["results"]) == 1
    result = run("add", "I like black coffee", "--user-id", "ana", "--path", path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: ")
    assert "readonly" in result.stderr


def test_a_failing_preset_is_exit_code_3(path):
    words = ("add", "I like tea", "--user-id", "ana", "--llm", "openai", "--embedder", "hashing", "--path", path)
    reply = {"facts": [{"text": "Likes tea", "turn": 0}]}
    with scripted_openai_server(reply, faults=[Fault(401, "no such key")]) as server:
        environment = {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": server.base_url}
        refused = run(*words, "--json", **environment)
        assert (refused.exit_code, refused.stdout) == (3, "")
        error = json.loads(refused.stderr)["error"]
        assert error["type"] == "ProviderError"
        assert "no such key" in error["message"]
        assert run_json(*words, **environment)["inference"] == "model"


def test_a_search_can_be_reranked_and_filtered_by_a_model(path):
    ana(path, "I drink tea", "My tea is served at five")
    words = ("search", "when is tea served?", "--user-id", "ana", "--llm", "openai", "--path", path)

    def judge(request):
        messages = request["messages"]
        rating = "Rate each" in messages[0]["content"]
        scores = [{"memory": at, "score": 10 if f'"{at}">I drink' in messages[-1]["content"] else 0} for at in (0, 1)]
        return {"ratings": scores} if rating else {"relevant": [0]}

    with scripted_openai_server(judge) as server:
        environment = {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": server.base_url}
        assert run_json(*words, **environment)["results"][0]["memory"] == "My tea is served at five"
        assert run_json(*words, "--rerank", **environment)["results"][0]["memory"] == "I drink tea"
        assert len(run_json(*words, "--filter-memories", **environment)["results"]) == 1
    refused = run("search", "tea", "--user-id", "ana", "--filter-memories", "--path", path)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "needs a chat model" in refused.stderr


def test_reembed_gives_every_memory_vectors_of_another_embedder(path):
    ana(path, "I drink tea", "I play the cello")
    with scripted_openai_server("") as server:
        environment = {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": server.base_url}
        done = run_json("reembed", "--embedder", "openai", "--path", path, **environment)
        assert (done["count"], done["embedder"].split(":")[0]) == (2, "openai")
        assert len(run_json("search", "tea", "--user-id", "ana", "--path", path, **environment)["results"]) == 2
    outcome = run("reembed", "--embedder", "hashing", "--path", path)
    assert "2 memories embedded with hashing" in outcome.stdout
    assert len(run_json("search", "tea", "--user-id", "ana", "--path", path)["results"]) == 2


@pytest.fixture
def keyless(path):
    """A store built with OpenAI's engines, without their key."""
    words = ("add", "I like tea", "--user-id", "ana", "--llm", "openai", "--embedder", "openai", "--path", path)
    with scripted_openai_server({"facts": [{"text": "Likes tea", "turn": 0}]}) as server:
        run_json(*words, OPENAI_API_KEY="test", OPENAI_BASE_URL=server.base_url)
    return path


def test_a_store_is_read_without_the_key_to_its_engines(keyless):
    (known,) = run_json("list", "--user-id", "ana", "--path", keyless)["results"]
    assert run_json("get", known["id"], "--path", keyless) == known
    assert len(run_json("history", known["id"], "--path", keyless)) == 1
    assert run_json("users", "--path", keyless)["count"] == 1
    assert run_json("doctor", "--path", keyless)["healthy"]
    assert run("delete", known["id"], "--path", keyless).exit_code == 0
    assert run("get", known["id"], "--path", keyless).exit_code == 1


def test_a_command_that_needs_a_missing_key_is_exit_code_2(keyless):
    for words in (["search", "tea", "--user-id", "ana"], ["add", "I like coffee", "--user-id", "ana"]):
        refused = run(*words, "--path", keyless, "--json")
        assert (refused.exit_code, refused.stdout) == (2, "")
        error = json.loads(refused.stderr.splitlines()[-1])["error"]
        assert error["type"] == "ConfigError"
        assert "set OPENAI_API_KEY" in error["message"]


def test_doctor_reports_and_repairs_damage(path):
    damaged, _ = ana(path, "I live in Rome", "I play the cello")
    with sqlite3.connect(path) as store:
        store.execute("UPDATE memories SET text = 'I live on Mars' WHERE id = ?", [damaged])
    store.close()

    found = run("doctor", "--path", path)
    assert found.exit_code == 1
    assert damaged in found.stdout
    assert "not healthy" in found.stdout
    assert run("doctor", "--repair", "--path", path).exit_code == 0
    assert run_json("doctor", "--path", path)["memories"] == 1


def test_doctor_restores_the_embedder_of_a_damaged_store(path):
    ana(path, "I live in Rome")
    with sqlite3.connect(path) as store:
        store.execute("UPDATE settings SET value = '{}' WHERE name IN ('embedder', 'engines')")
    store.close()

    assert "open the store with the embedder" in run("doctor", "--path", path).stdout
    unsure = run("doctor", "--repair", "--path", path)
    assert unsure.exit_code == 1
    assert "still not healthy" in unsure.stdout
    assert run("doctor", "--repair", "--embedder", "hashing", "--path", path).exit_code == 0
    assert len(run_json("search", "Rome", "--user-id", "ana", "--path", path)["results"]) == 1


# Files


def test_each_kind_of_file_is_recognised(path, tmp_path):
    tea = {"role": "user", "content": "I like green tea"}
    cello = {"role": "user", "content": "I play the cello"}
    documents = {
        "list.json": json.dumps([tea, cello]),
        "object.json": json.dumps({"messages": [tea, cello]}),
        "objects.json": json.dumps([{"messages": [tea]}, {"messages": [cello]}]),
        "messages.jsonl": f"{json.dumps(tea)}\n\n{json.dumps(cello)}\n",
        "conversations.jsonl": f"{json.dumps({'messages': [tea]})}\n{json.dumps({'messages': [cello]})}",
        "sharegpt.json": json.dumps(
            [{"id": "1", "conversations": [{"from": "human", "value": one["content"]} for one in (tea, cello)]}]
        ),
        "gemini.json": json.dumps(
            {"contents": [{"role": "user", "parts": [{"text": one["content"]}]} for one in (tea, cello)]}
        ),
        "message.json": json.dumps({"role": "user", "content": "I like green tea. I play the cello."}),
    }
    for name, document in documents.items():
        file = write(tmp_path, document, name)
        summary = run_json("add", "--file", file, "--user-id", name, "--path", path)
        assert summary["added"] == 2, name
        listed = run_json("list", "--user-id", name, "--path", path)["results"]
        assert {item["memory"].rstrip(".") for item in listed} == {"I like green tea", "I play the cello"}


def test_a_file_can_come_from_stdin(path):
    document = "\ufeff" + json.dumps([{"role": "user", "content": "I like green tea"}])
    summary = run_json("add", "--file", "-", "--user-id", "ana", "--path", path, stdin=document)
    assert (summary["messages"], summary["added"]) == (1, 1)


def test_the_summary_counts_what_was_read_added_and_skipped(path, tmp_path):
    texts = ["I like green tea", "I like green tea", "Hello!", "  "]
    file = write(tmp_path, [{"role": "user", "content": text} for text in texts])
    summary = run_json("add", "--file", file, "--user-id", "ana", "--path", path)
    assert summary.pop("seconds") > 0
    assert summary.pop("messages_per_second") > 0
    assert summary == {
        "conversations": 1,
        "messages": 3,
        "added": 1,
        "updated": 0,
        "deleted": 0,
        "turns_kept": 0,
        "skipped": {"blank": 1, "greeting": 1, "duplicate": 1} | summary["skipped"],
    }
    again = run("add", "--file", file, "--user-id", "ana", "--path", path)
    assert again.stdout.startswith("3 messages of 1 conversation read in ")
    assert "0 memories added, 0 updated, 0 deleted" in again.stdout


def test_keep_turns_stores_turns_beside_their_facts(path, tmp_path):
    added = run_json("add", "I like green tea. Hello!", "--keep-turns", "--user-id", "ana", "--path", path)
    assert [turn["facts"] for turn in added["turns"]] == [["I like green tea."]]
    file = write(tmp_path, [{"role": "user", "content": "I play the cello"}, {"role": "assistant", "content": "Nice!"}])
    summary = run_json("add", "--file", file, "--keep-turns", "--user-id", "ana", "--path", path)
    assert (summary["added"], summary["turns_kept"]) == (1, 2)
    outcome = run("add", "Hello again!", "--keep-turns", "--user-id", "ana", "--path", path)
    assert "1 turn stored in addition to the facts" in outcome.stderr
    assert "nothing was stored" not in outcome.stderr
    listed = run_json("list", "--user-id", "ana", "--path", path)["results"]
    assert sorted(item["memory_type"] for item in listed) == ["episodic"] * 4 + ["semantic"] * 2


def test_scope_and_time_come_from_the_file_unless_options_override_them(path, tmp_path):
    line = {
        "messages": [{"role": "user", "content": "I like green tea"}],
        "user_id": "ben",
        "run_id": "r1",
        "timestamp": "2025-03-01",
    }
    file = write(tmp_path, json.dumps(line), "one.jsonl")
    run_json("add", "--file", file, "--path", path)
    run_json("add", "--file", file, "--user-id", "ana", "--timestamp", "2026-04-02", "--path", path)
    for user, day in (("ben", "2025-03-01"), ("ana", "2026-04-02")):
        (item,) = run_json("list", "--user-id", user, "--path", path)["results"]
        assert (item["run_id"], item["created_at"][:10]) == ("r1", day)


def test_a_file_without_ids_needs_a_scope(path, tmp_path):
    file = write(tmp_path, {"messages": [{"role": "user", "content": "I like tea"}], "run_id": "r1"})
    result = run("add", "--file", file, "--path", path)
    assert result.exit_code == 2
    assert "does not say whose memory it is" in result.stderr
    assert not Path(path).exists()


def test_a_locomo_conversation_becomes_one_add_per_session(path, tmp_path):
    sample = locomo(
        session_2=[{"speaker": "Tom", "dia_id": "D2:1", "text": "I live in Bergen.", "blip_caption": "a wet street"}],
        session_2_date_time="9:05 am on 17 June, 2023",
        session_1=[{"speaker": "Ida", "dia_id": "D1:1", "text": "I play the cello."}],
        session_1_date_time="1:56 pm on 8 May, 2023",
        session_3_date_time="9:05 am on 18 June, 2023",
    )
    file = write(tmp_path, [sample])
    summary = run_json("add", "--file", file, "--verbatim", "--path", path)
    assert (summary["conversations"], summary["messages"]) == (2, 2)
    listed = run_json("list", "--user-id", "sample-7", "--path", path)["results"]
    assert [(item["memory"], item["speaker"], item["run_id"], item["created_at"]) for item in reversed(listed)] == [
        ("I play the cello.", "Ida", "session_1", "2023-05-08T13:56:00+00:00"),
        ("I live in Bergen. [shares a wet street]", "Tom", "session_2", "2023-06-17T09:05:00+00:00"),
    ]


def test_sessions_are_read_in_order_from_a_list_or_one_sample():
    turns = [{"speaker": "Ida", "text": "I play the cello."}]
    found = parse_conversations(json.dumps(locomo(session_10=turns, session_2=turns, session_1=[])))
    assert [one.ids["run_id"] for one in found if one.messages] == ["session_2", "session_10"]


@given(st.datetimes(min_value=parse_session_time("1:00 am on 1 January, 1971").replace(tzinfo=None)))
def test_every_session_time_is_read(when):
    hour = when.hour % 12 or 12
    written = f"{hour}:{when:%M} {'pm' if when.hour >= 12 else 'am'} on {when.day} {when:%B}, {when.year:04}"
    assert parse_session_time(written).replace(tzinfo=None) == when.replace(second=0, microsecond=0)


MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text()}), min_size=1
)


@given(MESSAGES)
def test_a_list_and_its_lines_are_the_same_conversation(messages):
    with_text = [message for message in messages if message["content"].strip()]
    documents = [json.dumps(messages), "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)]
    for document in documents:
        if with_text:
            (found,) = parse_conversations(document)
            assert (list(found.messages), found.blank) == (with_text, len(messages) - len(with_text))
        else:
            with pytest.raises(InvalidInput, match="no message with any text"):
                parse_conversations(document)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidInput):
        assert parse_conversations(text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "it is empty"),
        ("Dear diary,\ntoday", "it is not JSON"),
        ('[{"role": "user", "content": "I like tea"},\n {"role": ', "it is not JSON (Expecting value: line 2"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "no message with any text"),
        ("42", "the file is int"),
        ('["I like tea"]', "item 1 is str"),
        ('[{"text": "I like tea"}]', "item 1 has the keys 'text'"),
        ('{"messages": "I like tea"}', '"messages" that are str'),
        ('{"messages": [{"content": "I like tea"}, 7]}', "the file, message 2 is int"),
        ('{"messages": [{"content": "I like tea"}], "timestamp": []}', "the timestamp []"),
        ('[{"content": {"text": "I like tea"}}]', "item 1 has content that is dict"),
        ('{"conversation": []}', '"conversation" is list'),
        (json.dumps(locomo(session_1={})), "sample-7, session_1 is dict"),
        (json.dumps(locomo(session_1=[{"text": 7}])), "sample-7, session_1, message 1 is not a turn"),
        (json.dumps(locomo(session_1=[{"text": "x"}], session_1_date_time="May 8")), "expected the form '1:56 pm"),
    ],
)
def test_an_unreadable_file_is_one_clear_error_and_adds_nothing(content, says, path, tmp_path):
    file = write(tmp_path, content)
    result = run("add", "--file", file, "--user-id", "ana", "--path", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {file}: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert not Path(path).exists()


def test_a_broken_line_is_named_and_nothing_is_added(path, tmp_path):
    line = json.dumps({"role": "user", "content": "I like green tea"})
    file = write(tmp_path, f"{line}\n\n{line[:-3]}\n{line}\n", "broken.jsonl")
    result = run("add", "--file", file, "--user-id", "ana", "--path", path)
    assert result.exit_code == 2
    assert "line 3 is not JSON" in result.stderr
    assert "nothing was added" in result.stderr
    assert not Path(path).exists()


def test_bytes_that_are_not_text_are_refused(path, tmp_path):
    file = tmp_path / "utf16.json"
    file.write_bytes('[{"content": "I like tea"}]'.encode("utf-16"))
    result = run("add", "--file", str(file), "--user-id", "ana", "--path", path)
    assert result.exit_code == 2
    assert "not UTF-8 text (byte 0)" in result.stderr


def test_an_import_that_stops_says_where_and_keeps_added_memories(path, tmp_path):
    lines = [
        {"messages": [{"role": "user", "content": "I like green tea"}], "timestamp": "2026-01-01"},
        {"messages": [{"role": "user", "content": "I play the cello"}], "timestamp": "one day"},
    ]
    file = write(tmp_path, "\n".join(map(json.dumps, lines)), "some.jsonl")
    result = run("add", "--file", file, "--user-id", "ana", "--path", path)
    assert result.exit_code == 2
    assert "line 2: timestamp is 'one day'" in result.stderr
    assert "the 1 message before it stay added" in result.stderr
    assert len(run_json("list", "--user-id", "ana", "--path", path)["results"]) == 1


# The demo

SMALL_DEMO = {
    "title": "Two people",
    "users": ["ana", "ben"],
    "sessions": [
        {
            "user_id": "ana",
            "run_id": "spring",
            "timestamp": "2026-03-01T09:00:00Z",
            "messages": [{"role": "user", "content": "I moved to Lisbon. Hello!"}],
        },
        {
            "user_id": "ben",
            "run_id": "spring",
            "timestamp": "2026-03-02T09:00:00Z",
            "messages": [{"role": "user", "content": "I'm allergic to peanuts."}],
        },
        {
            "user_id": "ana",
            "run_id": "summer",
            "timestamp": "2026-06-01T09:00:00Z",
            "messages": [{"role": "user", "content": "I moved to Porto."}],
        },
    ],
    "questions": [
        {"user_id": "ana", "question": "Where did I move to?", "expected": "porto"},
        {"user_id": "ben", "question": "What am I allergic to?", "expected": "peanuts"},
    ],
}


def test_the_demo_shows_updates_and_answers_from_them():
    console = Console(width=80, record=True, quiet=False, file=Path(os.devnull).open("w"))  # noqa: SIM115
    with memory_for_tests() as memory:
        played = play(memory, SMALL_DEMO, console)
    shown = console.export_text()
    console.file.close()
    assert "2026-06-01 09:00  ana  summer, 1 turn" in shown
    assert "I moved to Lisbon. → I moved to Porto." in shown
    assert "1 skipped: 1 greeting" in shown
    assert (played.answered, played.strangers, played.leaked, played.passed) == (2, 2, 0, True)


def test_a_demo_with_too_few_answers_fails():
    unanswerable = [{**question, "expected": "Timbuktu"} for question in SMALL_DEMO["questions"]]
    with memory_for_tests() as memory:
        played = play(memory, {**SMALL_DEMO, "questions": unanswerable}, Console(quiet=True))
    assert (played.answered, played.passed) == (0, False)


def test_the_demo_needs_no_key_and_answers_its_questions(path):
    shown = run("demo", "--path", path)
    assert shown.exit_code == 0, shown.output
    assert max(len(line) for line in shown.stdout.splitlines() if path not in line) <= 80
    assert "\x1b" not in shown.stdout
    assert "nothing of theirs is shown" in " ".join(shown.stdout.split())

    command = shlex.split(shown.stdout.splitlines()[-1])
    assert command[:2] == ["holdfast", "search"]
    assert run(*command[1:]).exit_code == 0


def test_the_demo_as_json_is_its_summary():
    summary = run_json("demo", OPENAI_API_KEY="unused")
    assert summary["answered"] >= 0.8 * len(summary["questions"])
    assert summary["leaked"] == 0
    assert Path(summary["path"]).stat().st_size == summary["bytes"]
    assert all(question["found"]["user_id"] == question["user_id"] for question in summary["questions"])


# Output


def test_a_pipe_gets_one_plain_line_per_memory(path):
    ids = ana(path, "I like green tea", "I play the cello")
    lines = run("list", "--user-id", "ana", "--path", path).stdout.splitlines()
    assert sorted(line.split("\t")[0] for line in lines) == sorted(ids)
    assert {line.split("\t")[2] for line in lines} == {"I like green tea", "I play the cello"}
    (first, *_) = run("search", "tea", "--user-id", "ana", "--path", path).stdout.splitlines()
    assert re.fullmatch(r"[-0-9a-f]{36}\t\d{4}-\d\d-\d\d\t[01]\.\d\d\tI like green tea", first)


@pytest.mark.parametrize("words", [["search", "green tea"], ["list"]])
def test_at_a_terminal_ids_stay_whole_within_80_columns(words, path):
    (memory_id, *_) = ana(path, "I like green tea, which my grandmother from the mountains of Fujian once showed me.")
    shown = run(*words, "--user-id", "ana", "--path", path, **AT_A_TERMINAL).stdout
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert shown != plain
    assert memory_id in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_at_a_terminal_every_command_shows_its_result(path):
    (memory_id,) = ana(path, "I live in Rome")
    at = ("--path", path)
    for words, says in [
        (["add", "I live in Bari", "--user-id", "ana"], "I live in Rome → I live in Bari"),
        (["get", memory_id], "I live in Bari"),
        (["history", memory_id], "UPDATE"),
        (["users"], "memories"),
        (["doctor"], "healthy"),
        (["list", "--user-id", "ana", "--limit", "1"], "the newest 1 memory"),
        (["delete", memory_id], "deleted"),
    ]:
        result = run(*words, *at, **AT_A_TERMINAL)
        assert result.exit_code == 0, result.stderr
        assert says in re.sub(r"\x1b\[[\d;]*m", "", result.stdout)


@pytest.mark.parametrize("environment", [{}, AT_A_TERMINAL])
def test_a_memory_cannot_send_control_sequences_to_the_terminal(environment, path):
    hostile = "I like \x1b]0;gotcha\x07\x1b[2Jtea \u202eeat[bold]"
    with Memory(path) as memory:
        (added,) = memory.add(hostile, user_id="ana", infer=False)["results"]
    for words in (["list", "--user-id", "ana"], ["get", added["id"]], ["history", added["id"]]):
        shown = run(*words, "--path", path, **environment).stdout
        assert not re.search(r"\x1b\]|\x1b\[2J|\x07|\u202e", shown)
        assert "[bold]" in shown


@given(st.text())
def test_shown_text_has_no_control_characters(text):
    assert not [letter for letter in to_one_line(text) if ord(letter) < 32 or 127 <= ord(letter) < 160]
    assert len(replace_controls(text)) == len(text)


# Help, documentation and the process


def test_help_lists_every_command():
    help_text = run("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s+\w", help_text, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_and_takes_path_and_json(command):
    help_text = run(command, "--help").stdout
    assert "--path" in help_text
    assert "--json" in help_text
    assert f"| `holdfast {command}" in README


def test_no_command_is_missing_from_these_tests():
    assert [command.name or command.callback.__name__ for command in app.registered_commands] == COMMANDS


def test_the_readme_examples_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, EVALUATED)
    examples = re.findall(r"^holdfast .*$", "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)), re.MULTILINE)
    assert {shlex.split(line)[1] for line in examples} == set(COMMANDS)
    memory_id = ""
    for line in examples:
        result = run(*shlex.split(line.replace("$ID", memory_id))[1:])
        assert result.exit_code == 0, f"{line}: {result.stderr}"
        if line.startswith("holdfast list"):
            memory_id = result.stdout.split("\t")[0]


def test_the_version_is_the_package_s():
    assert run("--version").stdout == f"holdfast {__version__}\n"


def holdfast(*words, code=None, **options):
    command = ["-c", code] if code else ["-m", "holdfast_cli"]
    environment = {**KEY_FREE, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *command, *words], capture_output=True, env=environment, timeout=60, check=False, **options
    )


def test_it_runs_as_a_process_and_reads_a_pipe(path):
    added = holdfast("add", "-", "--user-id", "ana", "--path", path, "--json", input="Ich wohne in Köln".encode())
    assert (added.returncode, added.stderr) == (0, b"")
    kept = holdfast("add", "Grüße!", "--verbatim", "--user-id", "ana", "--path", path)
    assert kept.returncode == 0
    listed = holdfast("list", "--user-id", "ana", "--path", path, "--json")
    assert "Grüße!" in {item["memory"] for item in json.loads(listed.stdout)["results"]}


def test_a_failing_process_shows_no_traceback(path):
    Path(path).write_bytes(b"these bytes are no database" * 200)
    result = holdfast("users", "--path", path)
    assert (result.returncode, result.stdout) == (3, b"")
    assert result.stderr.startswith(b"error: ")
    assert b"Traceback" not in result.stderr
    assert holdfast("serch", "x").returncode == 2


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_says_what_to_install(missing):
    code = f"import sys; sys.modules['{missing}'] = None; from holdfast_cli.__main__ import main; main()"
    result = holdfast(code=code)
    assert result.returncode == 2
    assert b'pip install "holdfast[cli]"' in result.stderr
    assert b"Traceback" not in result.stderr
