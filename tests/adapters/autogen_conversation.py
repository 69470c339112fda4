"""AutoGen's assistant and user proxy with a scripted model and our memory."""

import json
import warnings
from types import SimpleNamespace

import pytest

with warnings.catch_warnings():
    # AutoGen itself uses deprecated features of jsonschema and pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    import autogen

from holdfast_autogen import MemoryCapability

AUTOGEN_WARNS = pytest.mark.filterwarnings("ignore:The `copy` method is deprecated:DeprecationWarning")


class ScriptedClient:
    """A model for `ConversableAgent` that replies with what `answer` returns for the messages."""

    def __init__(self, _config, *, answer, shown):
        self._answer = answer
        self._shown = shown

    def create(self, params):
        self._shown.append([dict(message) for message in params["messages"]])
        reply = self._answer(params["messages"])
        message = SimpleNamespace(content=reply, function_call=None, tool_calls=None)
        return SimpleNamespace(choices=[SimpleNamespace(message=message)], model="scripted", cost=0)

    def message_retrieval(self, response):
        return [choice.message.content for choice in response.choices]

    def cost(self, _response):
        return 0

    @staticmethod
    def get_usage(_response):
        return {}


def scripted_assistant(answer, *, name="assistant", **options):
    """Return an assistant whose model is `answer`, and the list of the messages that its model gets."""
    shown = []
    config = {"config_list": [{"model": "scripted", "model_client_cls": "ScriptedClient"}], "cache_seed": None}
    agent = autogen.ConversableAgent(name, llm_config=config, human_input_mode="NEVER", **options)
    agent.register_model_client(ScriptedClient, answer=answer, shown=shown)
    return agent, shown


def user_proxy(name="user", **options):
    """Return a user who never types anything."""
    return autogen.UserProxyAgent(name, **{"human_input_mode": "NEVER", "code_execution_config": False, **options})


class AutoGenConversation:
    """A user and an assistant with a memory."""

    def __init__(self, memory, *, user_id, on_error="log"):
        self.assistant, self.shown = scripted_assistant(lambda _: "I see.")
        MemoryCapability(memory=memory, user_id=user_id, on_error=on_error).add_to_agent(self.assistant)
        self.user = user_proxy()

    def say(self, text):
        self.user.initiate_chat(self.assistant, message=text, max_turns=1, silent=True, clear_history=False)
        return json.dumps(self.shown[-1], ensure_ascii=False)


def conversation(memory, *, user_id, on_error="log"):
    """Return a new conversation of `user_id` with an assistant."""
    return AutoGenConversation(memory, user_id=user_id, on_error=on_error)
