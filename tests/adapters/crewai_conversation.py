"""One CrewAI crew of one agent with a scripted model."""

import os
import tempfile
import warnings
from contextlib import contextmanager

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    OTEL_SDK_DISABLED="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_VERSION_CHECK="true",
    CREWAI_TESTING="true",
    CREWAI_STORAGE_DIR=tempfile.mkdtemp(),
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing crewai warns
    import crewai
    from crewai import LLM, Agent, BaseLLM, Crew, Task

    from holdfast_crewai import crew_memory

from holdfast.testing import scripted_openai_server

UNIFIED = tuple(int(part) for part in crewai.__version__.split(".")[:2]) >= (1, 10)
SLOT = "memory" if UNIFIED else "external_memory"


class ScriptedLLM(BaseLLM):
    """A model that repeats its input or gives scripted replies, and records its messages."""

    def __init__(self, answer="Noted."):
        super().__init__(model="scripted")
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "shown", [])

    def call(self, messages, *_, **__):
        self.shown.append(messages if isinstance(messages, str) else "\n".join(str(one["content"]) for one in messages))
        return f"Thought: I can answer.\nFinal Answer: {self.answer}"

    async def acall(self, messages, *_, **__):
        return self.call(messages)

    def supports_function_calling(self):
        return False

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


@contextmanager
def served_model(replies, **options):
    """A scripted server, and CrewAI's own client for it."""
    with scripted_openai_server(replies) as server:
        model = LLM(model="openai/gpt-4o", base_url=server.base_url, api_key="none", **options)
        yield server, model
        for client in (getattr(model, "client", None), getattr(model, "_client", None)):
            if client is not None:
                client.close()


def agent_with(model, **options):
    return Agent(role="Assistant", goal="Help.", backstory="You help.", llm=model, **options)


def crew_with(model, memory, description="{said}", **options):
    agent = agent_with(model)
    task = Task(description=description, expected_output="An answer.", agent=agent)
    return Crew(agents=[agent], tasks=[task], **{SLOT: memory}, **options)


class CrewConversation:
    """A conversation in which each user message is the description of a crew's task."""

    def __init__(self, memory):
        self.model = ScriptedLLM()
        self.crew = crew_with(self.model, memory)

    def say(self, text):
        before = len(self.model.shown)
        self.crew.kickoff(inputs={"said": text})
        return "\n".join(self.model.shown[before:])


def conversation(memory, *, user_id, on_error="log"):
    return CrewConversation(crew_memory(memory=memory, user_id=user_id, on_error=on_error))
