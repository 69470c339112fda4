"""The CrewAI cookbook runs offline and prints what its page shows."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_another_crew_recalls_the_facts_but_no_other_user_does():
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    outcome = subprocess.run(
        [sys.executable, ROOT / "cookbooks" / "crew_that_shares_memory.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert outcome.returncode == 0, outcome.stderr
    answers = [line.strip() for line in outcome.stdout.splitlines() if line.startswith("  crew:")]
    assert answers == [
        "crew: Cantinho, a kitchen without peanuts.",
        "crew: La Tasca, a kitchen without peanuts; go by train.",
        "crew: La Tasca, any kitchen; go by plane.",
    ]
