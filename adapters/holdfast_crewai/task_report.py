"""Parse the text CrewAI makes of a finished task back into the turn it describes."""

from __future__ import annotations

import re

from crewai.utilities.i18n import I18N

Message = dict[str, str]

# The question is matched lazily: otherwise an answer that contains the three labels would move its own text into the
# user's question.
_REPORT = re.compile(
    r"(?:Task|Input): (?P<asked>.*?)\nAgent: (?P<agent>.*?)"
    r"(?:\nExpected result: (?P<expected>.*?))?\nResult: (?P<answer>.*)",
    re.DOTALL,
)
_FINAL_ANSWER = "Final Answer:"
_DELEGATED_TASK = I18N().slice("manager_request")


def parse_task_report(text: str) -> list[Message] | None:
    r"""Return the messages of the task that `text` reports, `None` if it is not a report.

    Of a task that one agent delegated to another only the answer is returned, because no user asked for it.

    >>> parse_task_report("Task: Plan lunch\nAgent: Cook\nResult: Final Answer: Soup.")
    [{'role': 'user', 'content': 'Plan lunch'}, {'role': 'assistant', 'content': 'Soup.', 'name': 'Cook'}]
    """
    report = _REPORT.fullmatch(text)
    if report is None:
        return None
    answer = answer_message(report["answer"], agent=report["agent"])
    return [answer] if report["expected"] == _DELEGATED_TASK else [user_message(report["asked"]), answer]


def user_message(text: str) -> Message:
    """Return a task of the crew as the user's message."""
    return {"role": "user", "content": text}


def answer_message(text: str, *, agent: str = "") -> Message:
    """Return an agent's answer as a message with the agent's name, without the reasoning before the final answer."""
    name = {"name": agent} if agent.strip() else {}
    return {"role": "assistant", "content": text.rpartition(_FINAL_ANSWER)[2].strip(), **name}
