"""A tutor in LlamaIndex that remembers its pupils from lesson to lesson.

python cookbooks/tutor.py           # offline, with a scripted model
python cookbooks/tutor.py --live    # with OpenAI's model, needs OPENAI_API_KEY and llama-index-llms-openai
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import LLM, CompletionResponse, CustomLLM, LLMMetadata

from holdfast import Memory
from holdfast_llamaindex import Mem0Memory

TUTOR = "You are a patient maths tutor. Build every exercise on what the pupil likes and what they find hard."

LESSONS = [
    ("mia", "Monday", ["I'm Mia. My favourite sport is football.", "I find fractions hard. My exam is on 12 June."]),
    ("tom", "Monday", ["I'm Tom. I like baking bread, and I'm afraid of geometry."]),
    ("mia", "Thursday", ["What do I find hard?", "My exam is on 19 June now, and my favourite sport is tennis."]),
    ("mia", "Sunday", ["What is my favourite sport, what do I find hard and when is my exam?"]),
    ("tom", "Sunday", ["What is my favourite sport, what do I find hard and when is my exam?"]),
]


class ScriptedTutor(CustomLLM):
    """A model that answers with the memories it is shown."""

    @property
    def metadata(self) -> LLMMetadata:
        """The metadata that LlamaIndex requires of a model."""
        return LLMMetadata()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001, FBT002
        """Answer with the memories in the last block of the prompt."""
        *_, block = ("", *re.findall(r"<recalled-memory>.*?</recalled-memory>", prompt, re.DOTALL))
        known = re.findall(r"^- \[.*?\] (.*)$", block, re.MULTILINE)
        return CompletionResponse(text="I remember: " + " | ".join(known) if known else "Tell me more about yourself!")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Answer in one piece."""
        yield self.complete(prompt)


def lesson(memory: Memory, pupil: str, model: LLM) -> SimpleChatEngine:
    """Return the chat engine of a lesson, a new conversation with the pupil's memory."""
    return SimpleChatEngine.from_defaults(llm=model, memory=Mem0Memory(memory, user_id=pupil), system_prompt=TUTOR)


def main(arguments: Sequence[str]) -> None:
    """Give the lessons; the memory is closed and opened again for each."""
    live = "--live" in arguments
    engines: dict[str, Any] = {} if live else {"llm": "rules", "embedder": "hashing"}
    model = _live_model() if live else ScriptedTutor()
    with tempfile.TemporaryDirectory() as folder:
        for pupil, day, questions in LESSONS:
            with Memory(Path(folder) / "school.db", **engines) as memory:
                print(f"\n{day}, {pupil}")
                engine = lesson(memory, pupil, model)
                for question in questions:
                    print(f"  pupil: {question}\n  tutor: {engine.chat(question)}")
        with Memory(Path(folder) / "school.db", **engines) as memory:
            print("\nWhat the tutor knows of Mia")
            for item in memory.get_all(user_id="mia")["results"]:
                print(f"  {item['memory']}")


def _live_model() -> LLM:
    from llama_index.llms.openai import OpenAI

    return OpenAI(model="gpt-4o-mini")


if __name__ == "__main__":
    main(sys.argv[1:])
