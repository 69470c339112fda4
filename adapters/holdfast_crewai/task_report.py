"""Parse the text CrewAI makes of a finished task back into the turn it describes."""

from __future__ import annotations

import re
import sys

from crewai import Task
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
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w-]*)\}")
_MOST_CALLERS = 6
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
    nothing_asked = report["expected"] == _DELEGATED_TASK or not report["asked"].strip()
    return [answer] if nothing_asked else [user_message(report["asked"]), answer]


def keep_filled_in(report: str) -> str:
    """Return the report of the running task with, for its text, only what was filled into its template.

    `Always answer briefly. The customer says: {said}` is the developer's; what `said` stands for is the user's. The
    report of a task without placeholders, or of none that is running, is returned as it is.
    """
    task = _find_running_task()
    template = getattr(task, "_original_description", None) if task else None
    if task is None or not template or not _PLACEHOLDER.search(template):
        return report
    return report.replace(task.description, "\n".join(_filled_in(template, task.description)), 1)


def _find_running_task() -> Task | None:
    """Return the task whose agent calls this: CrewAI passes its text on, and not the task itself."""
    frame = sys._getframe(1)  # noqa: SLF001
    for _ in range(_MOST_CALLERS):
        task = getattr(frame.f_locals.get("self"), "task", None)
        if isinstance(task, Task):
            return task
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _filled_in(template: str, text: str) -> list[str]:
    """Return what stands in `text` for the placeholders of `template`; all of it where the two do not agree.

    >>> _filled_in("Be brief. {name} says: {said}", "Be brief. Ana says: I moved.")
    ['Ana', 'I moved.']
    """
    literals = _PLACEHOLDER.split(template)[::2]
    found = re.fullmatch("(.*?)".join(map(re.escape, literals)), text, re.DOTALL)
    return [text] if found is None else list(found.groups())


def user_message(text: str) -> Message:
    """Return a task of the crew as the user's message."""
    return {"role": "user", "content": text}


def answer_message(text: str, *, agent: str = "") -> Message:
    """Return an agent's answer as a message with the agent's name, without the reasoning before the final answer."""
    name = {"name": agent} if agent.strip() else {}
    return {"role": "assistant", "content": text.rpartition(_FINAL_ANSWER)[2].strip(), **name}
