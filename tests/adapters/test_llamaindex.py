"""Holdfast in LlamaIndex keeps the adapter contract in each engine and agent."""

import pytest
from tests.adapters.llamaindex_conversation import WARNINGS, conversation, conversation_of
from tests.contracts.adapter_contract import AdapterContract

from holdfast_llamaindex import HoldfastMemoryBlock, Mem0Memory, memory_tools

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]


class TestSimpleChatEngine(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation(memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return Mem0Memory.from_defaults(memory=memory, **ids)


class TestContextChatEngine(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation_of("context", memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return Mem0Memory(memory=memory, context=ids)


class TestCondensePlusContextChatEngine(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation_of("condense", memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return Mem0Memory.from_client(context=ids, client=memory)


class TestFunctionAgent(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation_of("function", memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return memory_tools(memory=memory, **ids)


class TestReActAgent(AdapterContract):
    def conversation(self, memory, *, user_id, on_error="log"):
        return conversation_of("react", memory, user_id=user_id, on_error=on_error)

    def make_adapter(self, memory, **ids):
        return HoldfastMemoryBlock(memory=memory, **ids)
