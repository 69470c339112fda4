"""The LangGraph cookbook runs and prints what its page shows."""

from tests.cookbooks import run_script


def test_the_agent_remembers_a_change_of_mind_and_separates_users():
    monday, friday, sunday, ben, known, turns = run_script("langgraph_agent.py").strip().split("\n\n")
    assert "recalled: nothing" in monday
    assert "Lisbon" in friday
    assert "Porto" in sunday
    assert "Lisbon" not in sunday
    assert "recalled: nothing" in ben
    assert "peanuts" in known
    assert turns == "Turns with ana: 3"
