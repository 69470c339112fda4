"""`holdfast eval` scores each part of the search on plain memories and questions."""

import json
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from holdfast import Memory
from holdfast_cli import app
from holdfast_cli.evaluation.metrics import recall_at
from holdfast_cli.evaluation.part_scores import choose_best, score_embedder
from holdfast_cli.evaluation.parts import PARTS, PartOutcome, PartRun

MEMORIES = ["I moved to Porto.", "I have two cats.", "I bake bread on Sundays.", "My locker is number 4711."]
QUESTIONS = [
    {"question": "who moved to Porto?", "answers": [0], "domain": "home", "split": "held-out"},
    {"question": "which pets are there, cats?", "answers": [1], "domain": "home"},
    {"question": "when is bread baked, and where is locker 4711?", "answers": [2, 3], "domain": "food", "kind": "two"},
    {"question": "what is her blood group?", "answers": []},
]


def run(*words, **environment):
    return CliRunner().invoke(app, ["eval", *map(str, words)], env=environment, prog_name="holdfast")


def run_json(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def write(folder, lines, name="set.jsonl"):
    file = folder / name
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text(text + "\n", "utf-8")
    return file


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path, [{"memories": MEMORIES, **question} for question in QUESTIONS])


def scores(document, embedder=0):
    return {key: value for key, value in document["embedders"][embedder].items() if key not in {"outcomes", "embedder"}}


def test_the_scores_equal_those_of_plain_searches(plain):
    (report,) = run_json(plain, "--embedder", "hashing", "--k", "1,2")["embedders"]
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        for text in MEMORIES:
            memory.add(text, user_id="ana", infer=False)
        for part, options in (("fused", {}), ("vectors", {"keyword_search": False})):
            recalls = []
            for question in QUESTIONS[:3]:
                found = memory.search(question["question"], user_id="ana", limit=2, **options)["results"]
                wanted = {MEMORIES[place] for place in question["answers"]}
                recalls.append(len(wanted & {item["memory"] for item in found}) / len(wanted))
            assert report["overall"]["parts"][part]["recall@2"]["mean"] == pytest.approx(sum(recalls) / 3)
    assert report["overall"]["questions"] == 3


def test_words_alone_rank_only_what_has_a_word_of_the_question(tmp_path):
    file = write(
        tmp_path,
        [
            {"memories": MEMORIES, "question": "Porto", "answers": [0]},
            {"memories": MEMORIES, "question": "which felines are there?", "answers": [1]},
        ],
    )
    (report,) = run_json(file, "--embedder", "hashing")["embedders"]
    assert [one["ranks"]["words"] for one in report["outcomes"]] == [[1], [None]]
    assert report["overall"]["parts"]["words"]["recall@5"]["mean"] == 0.5


def test_a_named_list_is_the_same_as_repeating_it(tmp_path, plain):
    named = [
        {"name": "ana", "memories": MEMORIES[:2]},
        *({"memories": "ana", **question} for question in QUESTIONS),
        {"name": "ana", "memories": MEMORIES[2:]},
    ]
    file = write(tmp_path, named, "named.jsonl")
    assert scores(run_json(file, "--embedder", "hashing")) == scores(run_json(plain, "--embedder", "hashing"))


def test_lists_of_memories_are_separate_users(tmp_path):
    other = [f"Someone else moved to Porto in {year}." for year in range(1990, 2010)]
    lines = [
        {"memories": other, "question": "who moved in 1999?", "answers": [9]},
        {"memories": MEMORIES, "question": "Porto", "answers": [0]},
    ]
    file = write(tmp_path, lines)
    assert run_json(file, "--embedder", "hashing", "--k", "1")["embedders"][0]["outcomes"][1]["ranks"]["fused"] == [1]


def test_a_text_that_is_there_twice_keeps_its_place(tmp_path):
    file = write(
        tmp_path, [{"memories": ["I swim.", "I swim.", "I have two cats."], "question": "cats", "answers": [2]}]
    )
    assert run_json(file, "--embedder", "hashing")["embedders"][0]["outcomes"][0]["ranks"]["fused"] == [1]


def test_domains_and_kinds_are_scored_separately(plain):
    groups = run_json(plain, "--embedder", "hashing")["embedders"][0]["groups"]
    assert {name: group["questions"] for name, group in groups.items()} == {"home": 2, "food": 1, "two": 1}


def test_a_split_asks_only_its_questions(plain):
    document = run_json(plain, "--embedder", "hashing", "--split", "held-out")
    assert document["questions"] == 1
    result = run(plain, "--split", "heldout")
    assert result.exit_code == 2
    assert "no question has the split 'heldout': there are held-out" in result.stderr


def _outcome(name, ranks, answering):
    return PartOutcome(name, [], dict.fromkeys(PARTS, ranks), answering)


def test_results_with_a_high_score_are_counted_with_and_without_an_answer():
    outcomes = [
        _outcome("a", [1], [(0.9, True), (0.6, False), (0.4, False)]),
        _outcome("b", [None], [(0.3, False)]),
        _outcome("c", [], [(0.7, False)]),
        _outcome("d", [], [(0.49, False)]),
    ]
    report = score_embedder(PartRun("hashing", "hashing:384", outcomes), [5])
    assert (report.reliable, report.reliable_answers) == (3, 1)
    assert (report.unanswered, report.false_alarms.mean) == (2, 0.5)
    assert report.overall.parts["fused"]["recall@5"].mean == 0.5


def test_the_embedder_with_the_highest_recall_is_named_with_its_lead():
    def report(name, ranks):
        outcomes = [_outcome(str(number), [rank], []) for number, rank in enumerate(ranks)]
        return score_embedder(PartRun(name, name, outcomes), [5, 10])

    blind, good, equal = report("blind", [None] * 20), report("good", [1] * 20), report("equal", [6] * 20)
    best = choose_best([blind, good], [5, 10])
    assert (best.embedder, best.measure, best.score, best.second) == ("good", "recall@5", 1.0, "blind")
    assert best.lead.by.mean == 1
    assert best.lead.p < 0.01
    assert choose_best([blind, equal], [5, 10]).embedder == "equal"  # equal at 5, better at 10
    assert choose_best([good], [5, 10]).second is None
    assert recall_at([6], 5) == 0


def test_without_a_named_embedder_every_installed_one_runs_and_the_others_are_named(plain):
    document = run_json(plain)
    ran = [one["embedder"] for one in document["embedders"]]
    assert sorted([*ran, *document["left_out"]]) == ["hashing", "sentence-transformers", "static"]
    assert "hashing" in ran
    if find_spec("sentence_transformers") is None:
        assert "pip install" in document["left_out"]["sentence-transformers"]
    assert document["best"]["embedder"] in ran


def test_several_embedders_run_once_each(plain):
    document = run_json(plain, "--embedder", "hashing", "--embedder", "hashing")
    assert [one["embedder"] for one in document["embedders"]] == ["hashing"]
    result = run(plain, "--embedder", "hashing", "--embedder", "telepathy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "telepathy" in result.stderr


def test_no_text_of_the_memories_is_in_the_result(plain):
    shown = json.dumps(run_json(plain))
    assert "Porto" not in shown
    assert "blood" not in shown


def test_the_tables_name_parts_groups_and_the_best(plain):
    lines = [line.split("\t") for line in run(plain, "--embedder", "hashing").stdout.splitlines()]
    assert [line[1] for line in lines[:4]] == ["recall@5", "recall@10", "hit@5", "hit@10"]
    assert {line[1] for line in lines[4:7]} == {"home", "food", "two"}
    assert lines[-1][0].startswith("best: hashing, recall@5")
    at_a_terminal = run(plain, "--embedder", "hashing", FORCE_COLOR="1", COLUMNS="80", TERM="dumb").stdout
    for word in ("4 memories, 4 questions", "fused", "vectors alone", "words alone", "score of 0.5 or more"):
        assert word in at_a_terminal


GOOD = {"memories": MEMORIES, "question": "where?", "answers": [0]}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([GOOD, "{"], "line 2: it is not JSON"),
        ([GOOD, "", "[1]"], "line 3: it is not a JSON object"),
        (["what?"], "line 1: it is not JSON"),
        ([{**GOOD, "memories": []}], 'line 1: "memories" is neither a list of texts nor the name of one'),
        ([{**GOOD, "memories": {"a": 1}}], 'line 1: "memories" is neither'),
        ([{**GOOD, "memories": ["tea", " "]}], "line 1: memory 1 is ' '"),
        ([{**GOOD, "memories": ["tea", 7]}], "line 1: memory 1 is 7"),
        ([GOOD, {**GOOD, "memories": "ana"}], "line 2: no earlier line has memories of the name 'ana'"),
        ([{**GOOD, "question": " "}], "line 1: the question is ' '"),
        ([{**GOOD, "question": None}], "line 1: the question is None"),
        ([{**GOOD, "answers": [4]}], "line 1: the answer 4 is no place in its memories: 0 to 3"),
        ([{**GOOD, "answers": [-1]}], "line 1: the answer -1 is no place"),
        ([{**GOOD, "answers": [True]}], "line 1: the answer True is no place"),
        ([{**GOOD, "answers": ["0"]}], "line 1: the answer '0' is no place"),
        ([{**GOOD, "answers": 0}], 'line 1: "answers" is 0'),
        ([{"memories": MEMORIES, "question": "where?"}], 'line 1: "answers" is None'),
        (
            [{"memories": MEMORIES, "question": "where?", "answer": [0]}],
            "'answer' is not known, did you mean 'answers'",
        ),
        ([{"memories": MEMORIES, "answers": [0]}], 'neither a "question" nor a "name"'),
        ([{"name": "ana", "memories": MEMORIES, "answers": [0]}], 'it has "answers" but no "question"'),
        ([{"question": "where?", "answers": []}], 'line 1: it has no "memories"'),
        ([{**GOOD, "domain": 7}], 'line 1: "domain" is 7'),
        ([{**GOOD, "name": " "}], "line 1: \"name\" is ' '"),
        ([{"name": "ana", "memories": MEMORIES}], "there is no question"),
        ([""], "there is no question"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(lines, says, tmp_path):
    result = run(write(tmp_path, lines), "--embedder", "hashing")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert "set.jsonl" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--keep-turns"], "--keep-turns is for conversations"),
        (["--embedder-b", "hashing"], "--embedder-b is for conversations"),
        (["--compare", "run.json"], "--compare is for conversations"),
        (["--k", "0"], "whole numbers from 1 to 1,000"),
    ],
)
def test_an_option_of_conversations_is_refused(words, says, plain):
    result = run(plain, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_conversations_and_plain_memories_need_two_runs(plain, tmp_path):
    conversations = tmp_path / "conversations.json"
    conversations.write_text("[]", "utf-8")
    assert "evaluate them in two runs" in run(plain, conversations).stderr
    assert "is there twice" in run(plain, plain).stderr
    assert "--split is for plain memories" in run(conversations, "--split", "held-out").stderr
    two = run(conversations, "--embedder", "hashing", "--embedder", "static")
    assert "name the second one with --embedder-b" in two.stderr


def test_json_lines_are_known_by_their_content_too(plain, tmp_path):
    other = tmp_path / "questions.txt"
    other.write_bytes(plain.read_bytes())
    assert scores(run_json(other, "--embedder", "hashing")) == scores(run_json(plain, "--embedder", "hashing"))
    piped = CliRunner().invoke(app, ["eval", "-", "--embedder", "hashing", "--json"], input=plain.read_text("utf-8"))
    assert scores(json.loads(piped.stdout)) == scores(run_json(plain, "--embedder", "hashing"))
