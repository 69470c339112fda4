# Every public name, once. The package loads each when it is first used.

from .agents.scoped import (
    FROM_CONFIG as FROM_CONFIG,
)
from .agents.scoped import (
    Id as Id,
)
from .agents.scoped import (
    OnError as OnError,
)
from .agents.scoped import (
    Owner as Owner,
)
from .agents.scoped import (
    ScopedFlows as ScopedFlows,
)
from .agents.scoped import (
    ScopedMemory as ScopedMemory,
)
from .agents.tools import (
    MEMORY_TOOLS as MEMORY_TOOLS,
)
from .agents.tools import (
    MemoryTool as MemoryTool,
)
from .agents.tools import (
    ToolAnswer as ToolAnswer,
)
from .async_memory import (
    AsyncMemory as AsyncMemory,
)
from .config import (
    Config as Config,
)
from .errors import (
    ConfigError as ConfigError,
)
from .errors import (
    DimensionMismatch as DimensionMismatch,
)
from .errors import (
    EmbedderMismatch as EmbedderMismatch,
)
from .errors import (
    HoldfastError as HoldfastError,
)
from .errors import (
    InvalidFilter as InvalidFilter,
)
from .errors import (
    InvalidInput as InvalidInput,
)
from .errors import (
    NotFound as NotFound,
)
from .errors import (
    ProviderError as ProviderError,
)
from .errors import (
    SchemaTooNew as SchemaTooNew,
)
from .errors import (
    StorageError as StorageError,
)
from .errors import (
    UnreadableReply as UnreadableReply,
)
from .extraction.messages import (
    content_text as content_text,
)
from .extraction.rules import (
    Attribute as Attribute,
)
from .extraction.rules import (
    attributes_of as attributes_of,
)
from .memory import (
    Memory as Memory,
)
from .protocols import (
    ChatMessage as ChatMessage,
)
from .protocols import (
    ChatModel as ChatModel,
)
from .protocols import (
    Embedder as Embedder,
)
from .protocols import (
    Reranker as Reranker,
)
from .providers.hashing import (
    HashingEmbedder as HashingEmbedder,
)
from .results import (
    AddedItem as AddedItem,
)
from .results import (
    AddResult as AddResult,
)
from .results import (
    DoctorProblem as DoctorProblem,
)
from .results import (
    DoctorReport as DoctorReport,
)
from .results import (
    Document as Document,
)
from .results import (
    Explanation as Explanation,
)
from .results import (
    HistoryItem as HistoryItem,
)
from .results import (
    Listing as Listing,
)
from .results import (
    MemoryItem as MemoryItem,
)
from .results import (
    MessageResult as MessageResult,
)
from .results import (
    ReembedResult as ReembedResult,
)
from .results import (
    SearchResults as SearchResults,
)
from .results import (
    SkippedItem as SkippedItem,
)
from .results import (
    UserItem as UserItem,
)
from .results import (
    UserListing as UserListing,
)
from .runtime.effects import (
    Flow as Flow,
)

__version__: str

__all__ = [
    "FROM_CONFIG",
    "MEMORY_TOOLS",
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
    "Flow",
    "HashingEmbedder",
    "HistoryItem",
    "HoldfastError",
    "Id",
    "InvalidFilter",
    "InvalidInput",
    "Listing",
    "Memory",
    "MemoryItem",
    "MemoryTool",
    "MessageResult",
    "NotFound",
    "OnError",
    "Owner",
    "ProviderError",
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
