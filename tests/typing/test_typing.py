"""What a type checker reports in programs that use the library."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def checked(name, cache):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--config-file", "", name]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)


def test_a_users_program_type_checks_and_runs(tmp_path):
    outcome = checked("user_code.py", tmp_path)
    assert outcome.returncode == 0, outcome.stdout
    subprocess.run([sys.executable, "user_code.py"], cwd=HERE, check=True)


def test_a_users_mistakes_are_found(tmp_path):
    lines = (HERE / "misuse.py").read_text().splitlines()
    expected = {
        (number, found[1]) for number, line in enumerate(lines, 1) if (found := re.search(r"# error: (.+)$", line))
    }
    output = checked("misuse.py", tmp_path).stdout
    reported = {(int(line), code) for line, code in re.findall(r":(\d+): error: .*\[(.+)\]", output)}
    assert reported == expected
