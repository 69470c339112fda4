"""The LangGraph cookbook runs and prints what its page shows."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "cookbooks" / "langgraph_agent.py"


def test_the_agent_remembers_a_change_of_mind_and_separates_users():
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    monday, friday, sunday, ben, known, turns = run.stdout.strip().split("\n\n")
    assert "recalled: nothing" in monday
    assert "Lisbon" in friday
    assert "Porto" in sunday
    assert "Lisbon" not in sunday
    assert "recalled: nothing" in ben
    assert "peanuts" in known
    assert turns == "Turns with ana: 3"
