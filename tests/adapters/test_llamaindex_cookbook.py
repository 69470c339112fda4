"""The LlamaIndex cookbook runs and prints what its page shows."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "cookbooks" / "tutor.py"


def test_the_tutor_remembers_changes_of_mind_and_separates_pupils():
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    _, _, thursday, mia, tom, known = run.stdout.strip().split("\n\n")
    assert "I find fractions hard." in thursday
    assert "19 June" in mia
    assert "tennis" in mia
    assert "12 June" not in mia
    assert "football" not in mia
    assert "baking bread" in tom
    assert "June" not in tom
    assert "fractions" in known
