"""The benchmark program: its growth curve has every row, measures what it says, and can be drawn."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZES = (100, 1_000)

# In its own process: importing the benchmarks sets environment variables for NumPy, FAISS and the peer.
MEASURE = """
import sys
from pathlib import Path
from benchmarks import growth
from benchmarks.plot import draw
from benchmarks.measurement import Extent
from benchmarks.table import write_json

folder, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]]
rows = list(growth.rows(Extent(rounds=1, kills=0, largest=max(sizes)), folder, sizes=[*sizes, 10 * max(sizes)]))
write_json(folder / "rows.json", {}, rows)
for kind in ("svg", "png"):
    draw(rows, folder / f"growth.{kind}", title="a small store")
"""

ASK = """
import json, sys
from pathlib import Path
import holdfast
from benchmarks.conversations import SCOPE, list_owners, make_questions, make_sessions
from benchmarks.corpus import TopicEmbedder
from holdfast.operations.index_entries import attribute_labels, labels_asked

class Listening(TopicEmbedder):
    heard = []
    def embed(self, texts):
        self.heard.extend(texts)
        return super().embed(texts)

said = list(make_sessions(0, SCOPE))
with holdfast.Memory(Path(sys.argv[1], "memory.db"), llm="rules", embedder=Listening()) as memory:
    for session in said:
        memory.add(session.messages, user_id=session.owner, run_id=session.name, infer=False)
    embedded = list(Listening.heard)
    found = [memory.search(one, user_id="user-0", limit=SCOPE, explain=True)["results"] for one in make_questions(20)]
stated = {name for session in said for _, text in session.turns for name in attribute_labels(text)}
details = [[row["score_details"] for row in results] for results in found]
report = {
    "embedded as prepared": embedded == [text for session in said for text in session.embedded_texts],
    "signals": [[name for name in rows[0] if any(row[name] for row in rows)] for rows in details],
    "asked and stated": [bool(stated.intersection(labels_asked(question))) for question in make_questions(20)],
    "owners": [list_owners(20 * SCOPE, with_sessions=kind) for kind in (True, False)],
    "unnamed": sorted({session.owner for session in make_sessions(0, 20 * SCOPE) if session.name is None}),
}
print(json.dumps(report))
"""


def run(*words):
    return subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)


def done(*words):
    finished = run(*words)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The folder of a growth curve measured at small sizes."""
    folder = tmp_path_factory.mktemp("growth")
    done("-c", MEASURE, folder, *SIZES)
    return folder


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The results of the measured questions among the measured turns."""
    return json.loads(done("-c", ASK, tmp_path_factory.mktemp("asked")))


def rows_by_point(folder):
    rows = json.loads((folder / "rows.json").read_text("utf-8"))["rows"]
    return {(row["point"]["curve"], row["point"]["statistic"], row["point"]["memories"]): row for row in rows}


def test_the_curve_has_median_and_p95_of_search_and_add_at_every_size_up_to_the_largest(measured):
    rows = rows_by_point(measured)
    assert set(rows) == {
        (curve, statistic, size) for curve in ("search", "add") for statistic in ("median", "p95") for size in SIZES
    }
    for (curve, statistic, size), row in rows.items():
        assert f"{size:,}" in row["measure"]
        assert row["measure"].endswith(statistic)
        assert row["unit"] == "ms"
        assert 0 < row["ours"] <= rows[curve, "p95", size]["ours"]


def test_the_curve_can_be_drawn_as_svg_and_as_png(measured):
    assert ET.parse(measured / "growth.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own picture
    assert (measured / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_the_measured_search_uses_every_signal(asked):
    for signals in asked["signals"]:
        assert set(signals) == {
            "semantic", "keyword", "neighbours", "passage", "asking", "session", "speaker", "answer",
        }  # fmt: skip
    assert all(asked["asked and stated"])


def test_the_vectors_of_measured_turns_are_computed_before_the_clock_starts(asked):
    assert asked["embedded as prepared"]


def test_one_owner_in_ten_has_no_sessions(asked):
    with_sessions, without = asked["owners"]
    assert without == ["user-9", "user-19"]
    assert sorted(asked["unnamed"]) == sorted(without)
    assert len(with_sessions) == 18


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--plot", "curve.pdf"], "curve.pdf must end in .png or .svg"),
        (["--plot", "nowhere/curve.svg"], "there is no folder nowhere"),
        (["--plot", "--only", "writes"], "add --only searches"),
    ],
)
def test_a_plot_that_cannot_be_drawn_is_refused_before_anything_is_measured(words, complaint):
    finished = run("-m", "benchmarks", *words)
    assert finished.returncode == 2
    assert complaint in finished.stderr
    assert finished.stdout == ""
