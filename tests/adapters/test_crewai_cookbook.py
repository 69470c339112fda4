"""The CrewAI cookbook runs offline and prints what its page shows."""

from tests.cookbooks import run_script


def test_another_crew_recalls_the_facts_but_no_other_user_does():
    printed = run_script("crew_that_shares_memory.py")
    answers = [line.strip() for line in printed.splitlines() if line.startswith("  crew:")]
    assert answers == [
        "crew: Cantinho, a kitchen without peanuts.",
        "crew: La Tasca, a kitchen without peanuts; go by train.",
        "crew: La Tasca, any kitchen; go by plane.",
    ]
