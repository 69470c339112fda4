"""The text CrewAI makes of a finished task, read back as the turn it was."""

from __future__ import annotations

import re

from crewai.utilities.i18n import I18N

Message = dict[str, str]

# The shortest question is taken: otherwise an answer could write the three labels itself, and what it says after them
# would count as the user's words.
_REPORT = re.compile(
    r"(?:Task|Input): (?P<asked>.*?)\nAgent: (?P<agent>.*?)"
    r"(?:\nExpected result: (?P<expected>.*?))?\nResult: (?P<answer>.*)",
    re.DOTALL,
)
_FINAL = "Final Answer:"
_DELEGATED = I18N().slice("manager_request")


def turn_of_report(text: str) -> list[Message] | None:
    """Return the messages of the task that `text` reports, `None` when it reports none.

    What one agent asks of another was said by no user: of such a task only the answer counts.
    """
    report = _REPORT.fullmatch(text)
    if report is None:
        return None
    answer = answer_of(report["answer"], agent=report["agent"])
    return [answer] if report["expected"] == _DELEGATED else [asked_by_user(report["asked"]), answer]


def asked_by_user(text: str) -> Message:
    """Return what the crew was asked to do."""
    return {"role": "user", "content": text}


def answer_of(text: str, *, agent: str = "") -> Message:
    """Return what an agent answered, without the thoughts before it, under the agent's name where there is one."""
    speaker = {"name": agent} if agent.strip() else {}
    return {"role": "assistant", "content": text.rpartition(_FINAL)[2].strip(), **speaker}
