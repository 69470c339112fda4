"""`holdfast eval` computes its metrics and intervals correctly and scores the given conversations."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from typer.testing import CliRunner

from holdfast import Memory
from holdfast.testing import ScriptedChatModel, memory_for_tests
from holdfast_cli import app
from holdfast_cli.conversation_files import parse_conversations
from holdfast_cli.evaluation import metrics
from holdfast_cli.evaluation.locomo import read_samples
from holdfast_cli.evaluation.metrics import Interval
from holdfast_cli.evaluation.run import run_evaluation

FILE = Path(__file__).with_name("evaluation_conversations.json")
CONVERSATIONS = json.loads(FILE.read_text("utf-8"))
KEY_FREE = ("--llm", "rules", "--embedder", "hashing")
RANKS = st.lists(st.none() | st.integers(1, 100), min_size=1, max_size=8)


def run(*words, **environment):
    return CliRunner().invoke(app, ["eval", *map(str, words)], env=environment, prog_name="holdfast")


def run_json(*words):
    result = run(*words, *KEY_FREE, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def write(folder, document, name="file.json"):
    file = folder / name
    file.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return file


# The metrics


def test_the_metrics_equal_a_plain_computation():
    ranks = (1, 3, None)
    assert [metrics.recall_at(ranks, k) for k in (1, 2, 3)] == [1 / 3, 1 / 3, 2 / 3]
    assert [metrics.hit_at(ranks, 1), metrics.hit_at((4,), 3)] == [1.0, 0.0]
    assert [metrics.all_at(ranks, 50), metrics.all_at((1, 3), 3), metrics.all_at((1, 3), 2)] == [0.0, 1.0, 0.0]
    assert [metrics.reciprocal_rank(of) for of in (ranks, (None, 4), (50,), (51,), (None,))] == [1, 0.25, 0.02, 0, 0]
    assert metrics.discounted_gain(ranks) == pytest.approx(1.5 / (1 + 1 / math.log2(3) + 0.5))
    assert metrics.discounted_gain((11,)) == 0
    assert metrics.discounted_gain(range(1, 13)) == pytest.approx(1)


@given(RANKS, st.integers(1, 100))
def test_looking_at_more_results_never_finds_less(ranks, k):
    for measure in (metrics.recall_at, metrics.hit_at, metrics.all_at):
        assert 0 <= measure(ranks, k) <= measure(ranks, k + 1) <= 1
    assert metrics.all_at(ranks, k) <= metrics.recall_at(ranks, k) <= metrics.hit_at(ranks, k)


@given(st.sets(st.integers(1, 60), min_size=1, max_size=8), st.randoms())
def test_the_order_of_the_evidence_does_not_matter_and_a_better_rank_never_hurts(places, random):
    ranks = sorted(places)
    shuffled = random.sample(ranks, len(ranks))
    better = [rank - 1 if rank - 1 not in places and rank > 1 else rank for rank in ranks]
    for measure in (metrics.reciprocal_rank, metrics.discounted_gain):
        assert measure(shuffled) == pytest.approx(measure(ranks))
        assert measure(ranks) <= measure(better) <= 1 + 1e-12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_holds_its_mean_and_stays_within_the_values(values):
    (interval,) = metrics.bootstrap_intervals(np.array(values)[:, None], resamples=400)
    assert min(values) - 1e-9 <= interval.low <= interval.mean + 1e-9
    assert interval.mean <= interval.high + 1e-9
    assert interval.high <= max(values) + 1e-9


def test_the_interval_of_a_share_is_that_of_the_normal_approximation():
    values = np.repeat([1.0, 0.0], [300, 100])[:, None]
    (interval,) = metrics.bootstrap_intervals(values)
    half_width = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval.high - interval.low == pytest.approx(2 * half_width, rel=0.1)
    assert metrics.bootstrap_intervals(values) == [interval]
    assert metrics.bootstrap_intervals(values, seed=1) != [interval]


def test_the_paired_test_separates_a_difference_from_chance():
    same = np.full((30, 1), 0.5)
    (none,) = metrics.compare_columns(same, same)
    assert none == metrics.Difference(Interval(0, 0, 0), 1.0)

    (few,) = metrics.compare_columns(np.ones((3, 1)), np.zeros((3, 1)))
    assert few.p == pytest.approx(2 / 2**3, abs=0.02)  # two of the eight assignments of signs are as extreme

    mixed = np.tile([1.0, -1.0], 15)[:, None]
    clear, chance = (metrics.compare_columns(of, np.zeros((30, 1)))[0] for of in (np.ones((30, 1)), mixed))
    assert clear.p < 0.001
    assert clear.by.low > 0
    assert chance.p == 1.0
    assert chance.by.low < 0 < chance.by.high


def test_pairing_finds_differences_that_two_intervals_hide():
    hard = np.random.default_rng(0).random((200, 1))
    better = hard + 0.02
    (ours,), (theirs,) = metrics.bootstrap_intervals(better), metrics.bootstrap_intervals(hard)
    assert ours.low < theirs.high
    assert metrics.compare_columns(better, hard)[0].p < 0.001


# The questions


def test_evidence_is_repaired_and_unscorable_questions_are_left_out():
    garden, kitchen = read_samples([str(FILE)])
    assert [(one.id, one.category, one.evidence) for one in garden.questions] == [
        ("garden/1", "single-hop", ("D1:3",)),
        ("garden/2", "multi-hop", ("D2:2", "D2:3")),
        ("garden/3", "temporal", ("D2:1",)),
        ("garden/4", "open-domain", ("D1:1", "D1:3")),
    ]
    assert [one.id for one in kitchen.questions] == ["kitchen/1", "kitchen/2"]


def test_the_turns_are_those_that_an_import_reads():
    sessions = [session for sample in read_samples([str(FILE)]) for session in sample.sessions]
    assert sessions == parse_conversations(FILE.read_text("utf-8"))
    assert sessions[0].labels == ["D1:1", "D1:2", "D1:3", "D1:4", "D1:5"]
    assert sessions[0].messages[3]["content"] == "[shares a wooden boat under an apple tree]"


def test_conversations_without_a_name_stay_separate(tmp_path):
    nameless = [{key: value for key, value in one.items() if key != "sample_id"} for one in CONVERSATIONS]
    samples = read_samples([str(write(tmp_path, nameless))])
    assert [sample.id for sample in samples] == ["item 1", "item 2"]
    with memory_for_tests() as memory:
        run_evaluation(memory, samples, ks=[5], on_step=str)
        assert {user["name"] for user in memory.users()["results"] if user["type"] == "user"} == {"item 1", "item 2"}


def test_a_kept_turn_is_found_by_its_facts(tmp_path):
    texts = ["Did Teo move to Oslo at last?", "Yes, in May!", *(f"My hen laid egg {number}" for number in range(20))]
    turns = [{"speaker": "Mara", "dia_id": f"D1:{at}", "text": text} for at, text in enumerate(texts, 1)]
    question = {"question": "Where does her brother live?", "evidence": ["D1:2"], "category": 4}
    samples = read_samples([str(write(tmp_path, _with(conversation={"session_1": turns}, qa=[question])))])

    def reply(messages, _schema):
        fact = "Mara's brother Teo lives in Oslo"
        asked = messages[-1]["content"].split("<conversation>\n")[-1]
        return {"facts": [{"text": fact, "turn": 0, "attributed_to": "user"}] if "Yes, in May!" in asked else []}

    with memory_for_tests(llm=ScriptedChatModel(reply)) as memory:
        with_facts = run_evaluation(memory, samples, ks=[5], on_step=str, keep_turns=True)
    with memory_for_tests() as memory:
        without = run_evaluation(memory, samples, ks=[5], on_step=str)
    assert (with_facts.turns, without.turns) == (22, 22)
    assert with_facts.outcomes[0].ranks == (1,)
    assert without.outcomes[0].ranks != (1,)
    assert with_facts.outcomes[0].context[500] == 1


# A whole evaluation


def test_the_scores_equal_those_of_plain_searches():
    document = run_json(FILE, "--k", "1,2")
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        ids = {}
        for one in parse_conversations(FILE.read_text("utf-8")):
            added = memory.add(one.messages, **one.ids, timestamp=one.timestamp, infer=False)["results"]
            ids |= {(one.ids["user_id"], label): item["id"] for item, label in zip(added, one.labels, strict=True)}
        recalls = {}
        for sample in read_samples([str(FILE)]):
            for question in sample.questions:
                found = memory.search(question.text, user_id=sample.id, limit=2)["results"]
                wanted = {ids[sample.id, turn] for turn in question.evidence}
                recalls[question.id] = len(wanted & {item["id"] for item in found}) / len(wanted)
    overall = document["scores"]["overall"]
    assert overall["questions"] == len(recalls) == 6
    assert overall["scores"]["recall@2"]["mean"] == pytest.approx(sum(recalls.values()) / 6)
    assert {name: group["questions"] for name, group in document["scores"].items()} == {
        "overall": 6, "multi-hop": 1, "temporal": 1, "open-domain": 1, "single-hop": 3,
    }  # fmt: skip


def test_a_question_searches_only_its_conversation():
    kitchen = [one for one in run_json(FILE)["outcomes"] if one["conversation"] == "kitchen"]
    assert kitchen[0]["ranks"] == [1]  # there are hens in the other one too
    turns = CONVERSATIONS[1]["conversation"]["session_1"]
    everything = sum(len(f"{turn['speaker']}: {turn['text']}") for turn in turns) / 4
    assert {one["tokens"]["50"] for one in kitchen} == {everything}


def test_tokens_and_context_are_counted_as_the_memory_counts_them():
    document = run_json(FILE, "--k", "1,50")
    assert document["tokens_counted_by"] == "estimate (4 bytes of UTF-8 a token)"
    assert 5 < document["tokens"]["1"] < document["tokens"]["50"] < 500
    everything_fits = document["scores"]["overall"]["scores"]["context@2000"]
    assert everything_fits == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert 0 < document["latency_ms"]["p50"] <= document["latency_ms"]["p95"]


def test_leaving_a_conversation_out_scores_the_others():
    document = run_json(FILE, "--k", "2")
    garden, kitchen = document["leave_one_out"]["conversations"]
    assert (garden["questions"], kitchen["questions"]) == (4, 2)
    assert garden["recall_of_others"] == kitchen["recall"]
    overall = document["scores"]["overall"]["scores"]["recall@2"]["mean"]
    assert (4 * garden["recall"] + 2 * kitchen["recall"]) / 6 == pytest.approx(overall)
    alone = run_json(FILE, "--limit-conversations", "1")["leave_one_out"]["conversations"]
    assert [(one["conversation"], one["recall_of_others"]) for one in alone] == [("garden", None)]


def test_no_text_of_the_conversations_is_in_the_result():
    shown = json.dumps(run_json(FILE))
    for sample in CONVERSATIONS:
        for question in sample["qa"]:
            assert question["question"] not in shown
    assert "hens" not in shown


def test_the_table_has_every_category_and_fits_a_terminal():
    plain = run(FILE, *KEY_FREE).stdout
    (recall,) = [line.split("\t") for line in plain.splitlines() if line.startswith("recall@10")]
    assert len(recall) == 6
    assert all("\N{PLUS-MINUS SIGN}" in cell for cell in recall[1:])
    at_a_terminal = run(FILE, *KEY_FREE, FORCE_COLOR="1", COLUMNS="80", TERM="dumb").stdout
    measures = ("context@500", "without it", "tokens counted by", "estimate", "p95")
    for word in ("overall", "multi-hop", "temporal", "open-domain", "single-hop", *measures):
        assert word in at_a_terminal


def test_the_store_can_be_kept_and_searched(tmp_path):
    path = tmp_path / "kept.db"
    run_json(FILE, "--path", path)
    with Memory(path) as memory:
        found = memory.search("who plays the cello?", user_id="garden", limit=1)["results"]
    assert "Vera plays the cello" in found[0]["memory"]


# Comparing


def test_a_run_is_compared_with_an_earlier_one(tmp_path):
    earlier = run_json(FILE, "--k", "1,2")
    same = run_json(FILE, "--k", "1,2", "--compare", write(tmp_path, earlier))["comparison"]
    assert same["questions"] == 6
    assert {(score["mean"], score["p"]) for score in same["scores"].values()} == {(0.0, 1.0)}

    blind = [{**one, "ranks": [None] * len(one["ranks"])} for one in earlier["outcomes"]]
    worse = write(tmp_path, {**earlier, "outcomes": blind, "engines": {"embedder": "blind"}})
    compared = run_json(FILE, "--k", "1,2", "--compare", worse)["comparison"]
    score = compared["scores"]["recall@2"]
    assert compared["engines"] == {"embedder": "blind"}
    assert (score["other"], score["mean"]) == (0.0, score["this"])
    assert score["p"] < 0.1
    assert compared["scores"]["context@500"]["mean"] == 0
    shown = run(FILE, *KEY_FREE, "--k", "1,2", "--compare", worse).stdout
    assert f"+{100 * score['this']:.1f}" in shown


def test_only_the_questions_of_both_runs_are_compared(tmp_path):
    earlier = write(tmp_path, run_json(FILE, "--limit-conversations", "1"))
    assert run_json(FILE, "--compare", earlier)["comparison"]["questions"] == 4


def test_two_embedders_are_compared_in_one_run():
    comparison = run_json(FILE, "--embedder-b", "hashing")["comparison"]
    assert comparison["engines"]["embedder"].startswith("hashing")
    assert {score["mean"] for score in comparison["scores"].values()} == {0.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: "no JSON", "is not a result of `holdfast eval --json`"),
        (lambda _: [], "is not a result of"),
        (lambda _: {"outcomes": 7}, "is not a result of"),
        (lambda run: {**run, "outcomes": []}, "it has no outcomes"),
        (lambda run: {**run, "outcomes": [{**run["outcomes"][0], "ranks": []}]}, "garden/1 has no evidence"),
        (lambda run: {**run, "depth": 10}, "the other run has 10 results per question"),
        (lambda run: {**run, "outcomes": [{**run["outcomes"][0], "id": "x/1"}]}, "no question in common"),
        (lambda run: {**run, "outcomes": [{**run["outcomes"][0], "ranks": [1, 2]}]}, "garden/1 has other evidence"),
    ],
)
def test_a_run_that_cannot_be_compared_is_refused(change, says, tmp_path):
    other = write(tmp_path, change(run_json(FILE)))
    result = run(FILE, *KEY_FREE, "--compare", other)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


# The plot


@pytest.mark.parametrize(("name", "head"), [("scores.png", b"\x89PNG"), ("scores.svg", b"<?xml")])
def test_the_scores_are_drawn(name, head, tmp_path):
    pytest.importorskip("matplotlib", reason="a plot needs matplotlib")
    picture = tmp_path / name
    result = run(FILE, *KEY_FREE, "--embedder-b", "hashing", "--plot", picture)
    assert result.exit_code == 0, result.stderr
    assert picture.read_bytes().startswith(head)


def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(FILE, *KEY_FREE, "--plot", tmp_path / "scores.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'pip install "holdfast[eval]"' in result.stderr


# Invalid input


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing.json"], "missing.json cannot be read"),
        ([FILE, FILE], "the conversation garden is there twice"),
        ([FILE, "--k", "0"], "whole numbers from 1 to 1,000"),
        ([FILE, "--k", "5,1001"], "whole numbers from 1 to 1,000"),
        ([FILE, "--k", "5,ten"], "--k is '5,ten'"),
        ([FILE, "--k", ""], "--k is ''"),
        ([FILE, "--k", "9" * 5_000], "whole numbers from 1 to 1,000"),
        ([FILE, "--limit-conversations", "0"], "--limit-conversations"),
        ([FILE, "--path", FILE], "name a new file"),
        ([FILE, "--plot", "scores.gif"], "ends in .png or .svg"),
        ([FILE, "--plot", "nowhere/scores.png"], "there is no folder nowhere"),
        ([FILE, "--embedder-b", "hashing", "--compare", FILE], "give one"),
        ([FILE, "--embedder-b", "telepathy"], "telepathy"),
        ([], "FILE..."),
    ],
)
def test_invalid_input_is_one_clear_line_before_any_work(words, says):
    result = run(*words, *KEY_FREE)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def _with(**changes):
    return [{**CONVERSATIONS[1], **changes}]


QUESTION = CONVERSATIONS[1]["qa"][0]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ([{"role": "user", "content": "I like tea"}], "item 1 has no conversation"),
        (["tea"], "item 1 has no conversation"),
        (_with(conversation=[]), "item 1 has no conversation"),
        (_with(conversation={"session_1": {}}), "kitchen, session_1 is dict"),
        (_with(qa=None), 'no questions under "qa"'),
        (_with(qa=[]), "nothing can be scored"),
        (_with(qa=[{**QUESTION, "evidence": ["D9:9"]}]), "nothing can be scored"),
        (_with(qa=[{**QUESTION, "evidence": None}]), "nothing can be scored"),
        (_with(qa=[{**QUESTION, "category": 5}]), "nothing can be scored"),
        (_with(qa=[{**QUESTION, "category": "hard"}]), "kitchen/1 has the category 'hard'"),
        (_with(qa=[{**QUESTION, "category": [1]}]), "kitchen/1 has the category [1]"),
        (_with(qa=[{**QUESTION, "evidence": "D1:3"}]), "kitchen/1 has evidence"),
        (_with(qa=[{**QUESTION, "question": " "}]), "kitchen/1 is not a question"),
        (_with(qa=["why?"]), "kitchen/1 is not a question"),
        ([], "nothing can be scored"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused(document, says, tmp_path):
    file = write(tmp_path, document)
    result = run(file, *KEY_FREE)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}: " in result.stderr
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_turn_that_was_not_stored_is_an_error_not_a_wrong_score(tmp_path):
    turns = [{"speaker": "Mara", "dia_id": "D1:1", "text": "<recalled-memory>I like tea</recalled-memory>"}]
    turns += CONVERSATIONS[1]["conversation"]["session_1"][1:]
    file = write(tmp_path, _with(conversation={"session_1": turns}))
    result = run(file, *KEY_FREE)
    assert result.exit_code == 2
    assert "kitchen, session_1: a turn was not stored" in result.stderr
