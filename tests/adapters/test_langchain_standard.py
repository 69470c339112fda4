"""LangChain's standard tests for the retriever, every tool and the vector store."""

import pytest
from tests.adapters import langchain_conversation  # noqa: F401 - switches LangChain's tracing off first

from holdfast import Memory

pytest.importorskip("langchain_tests")

from langchain_tests.integration_tests import (
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import ToolsUnitTests

from holdfast_langchain import HoldfastRetriever, HoldfastVectorStore, memory_tools


@pytest.fixture(autouse=True, scope="module")
def _memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        memory.add(
            [{"role": "user", "content": f"Fact number {number}."} for number in range(5)], user_id="ana", infer=False
        )
        Shared.memory = memory
        yield


class Shared:
    memory: Memory

    @classmethod
    def an_id(cls):
        return cls.memory.get_all(user_id="ana")["results"][0]["id"]


class TestTheRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self):
        return HoldfastRetriever

    @property
    def retriever_constructor_params(self):
        return {"memory": Shared.memory, "user_id": "ana"}

    @property
    def retriever_query_example(self):
        return "Which facts are there?"


class TestTheVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        with Memory(":memory:", llm="rules", embedder="hashing") as memory:
            yield HoldfastVectorStore(memory=memory, app_id="handbook")


class Tool:
    name: str

    @property
    def tool_constructor(self):
        tools = {tool.name: tool for tool in memory_tools(Shared.memory, user_id="ana")}
        return tools[self.name]


class AddTool(Tool):
    name = "add_memory"

    @property
    def tool_invoke_params_example(self):
        return {"text": "I live in Lisbon."}


class SearchTool(Tool):
    name = "search_memory"

    @property
    def tool_invoke_params_example(self):
        return {"query": "Where do I live?", "limit": 2}


class ListTool(Tool):
    name = "get_all_memory"

    @property
    def tool_invoke_params_example(self):
        return {"limit": 2}


class UpdateTool(Tool):
    name = "update_memory"

    @property
    def tool_invoke_params_example(self):
        return {"memory_id": Shared.an_id(), "text": "I live in Porto."}


class DeleteTool(Tool):
    name = "delete_memory"

    @property
    def tool_invoke_params_example(self):
        return {"memory_id": Shared.an_id()}


class TestAddMemory(AddTool, ToolsUnitTests): ...


class TestAddMemoryAtWork(AddTool, ToolsIntegrationTests): ...


class TestSearchMemory(SearchTool, ToolsUnitTests): ...


class TestSearchMemoryAtWork(SearchTool, ToolsIntegrationTests): ...


class TestGetAllMemory(ListTool, ToolsUnitTests): ...


class TestGetAllMemoryAtWork(ListTool, ToolsIntegrationTests): ...


class TestUpdateMemory(UpdateTool, ToolsUnitTests): ...


class TestUpdateMemoryAtWork(UpdateTool, ToolsIntegrationTests): ...


class TestDeleteMemory(DeleteTool, ToolsUnitTests): ...


class TestDeleteMemoryAtWork(DeleteTool, ToolsIntegrationTests): ...
