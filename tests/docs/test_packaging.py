"""What is shipped, and what importing it loads."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import holdfast

ROOT = Path(__file__).parents[2]


def test_the_public_names_are_exactly_these():
    assert sorted(holdfast.__all__) == [
        "AddResult",
        "AddedItem",
        "AsyncMemory",
        "Attribute",
        "ChatMessage",
        "ChatModel",
        "Config",
        "ConfigError",
        "DimensionMismatch",
        "DoctorProblem",
        "DoctorReport",
        "Document",
        "Embedder",
        "EmbedderMismatch",
        "Explanation",
        "FROM_CONFIG",
        "Flow",
        "ForgetResult",
        "HashingEmbedder",
        "HistoryItem",
        "HoldfastError",
        "Id",
        "InvalidFilter",
        "InvalidInput",
        "Listing",
        "MEMORY_TOOLS",
        "Memory",
        "MemoryItem",
        "MemoryTool",
        "MessageResult",
        "NotFound",
        "OnError",
        "Owner",
        "ProviderError",
        "PruneResult",
        "ReembedResult",
        "Reranker",
        "SchemaTooNew",
        "ScopedFlows",
        "ScopedMemory",
        "SearchResults",
        "SkippedItem",
        "StorageError",
        "ToolAnswer",
        "UnreadableReply",
        "UserItem",
        "UserListing",
        "attributes_of",
        "content_text",
    ]
    for name in holdfast.__all__:
        assert hasattr(holdfast, name)


def test_importing_loads_no_model_client_no_index_and_no_framework():
    heavy = "openai faiss asyncio httpx pydantic json_repair typer rich langchain_core llama_index crewai mcp fastapi"
    script = (
        f"import sys; from holdfast import Memory; print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_wheel_contains_the_packages_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    faces = {folder.name for folder in (ROOT / "adapters").iterdir() if (folder / "__init__.py").exists()}
    packages = {"holdfast", *faces}
    assert {name.split("/")[0] for name in names} == {*packages, "holdfast-0.1.0.dist-info"}
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    assert "holdfast_cli/demo_conversation.json" in names
    assert "holdfast/extraction/rules/english/words.toml" in names
    stubs = {f"{path.parent.name}/__init__.pyi" for path in (ROOT / "adapters").glob("*/__init__.pyi")}
    assert len(stubs) == 5
    assert {"holdfast/__init__.pyi", *stubs} <= set(names)  # the public names are read from them
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_adapters_use_only_public_names():
    below = re.compile(r"^\s*(?:from|import) holdfast\.(?!testing\b)\S+.*", re.MULTILINE)
    reached = {
        str(path.relative_to(ROOT)): below.findall(path.read_text("utf-8"))
        for folder in ("adapters", "cookbooks")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(reached) > 40
    assert {path: lines for path, lines in reached.items() if lines} == {}
