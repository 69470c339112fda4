"""The LlamaIndex cookbook runs and prints what its page shows."""

from tests.cookbooks import run_script


def test_the_tutor_remembers_changes_of_mind_and_separates_pupils():
    _, _, thursday, mia, tom, known = run_script("tutor.py").strip().split("\n\n")
    assert "I find fractions hard." in thursday
    assert "19 June" in mia
    assert "tennis" in mia
    assert "12 June" not in mia
    assert "football" not in mia
    assert "baking bread" in tom
    assert "June" not in tom
    assert "fractions" in known
