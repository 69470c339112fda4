# Every public name, once. The package loads each when it is first used.

from .agents.scoped import (
    FROM_CONFIG as FROM_CONFIG,
    Id as Id,
    OnError as OnError,
    Owner as Owner,
    ScopedFlows as ScopedFlows,
    ScopedMemory as ScopedMemory,
)
from .agents.tools import (
    MEMORY_TOOLS as MEMORY_TOOLS,
    MemoryTool as MemoryTool,
    ToolAnswer as ToolAnswer,
)
from .async_memory import AsyncMemory as AsyncMemory
from .config import Config as Config
from .errors import (
    ConfigError as ConfigError,
    DimensionMismatch as DimensionMismatch,
    EmbedderMismatch as EmbedderMismatch,
    HoldfastError as HoldfastError,
    InvalidFilter as InvalidFilter,
    InvalidInput as InvalidInput,
    NotFound as NotFound,
    ProviderError as ProviderError,
    SchemaTooNew as SchemaTooNew,
    StorageError as StorageError,
    UnreadableReply as UnreadableReply,
)
from .extraction.messages import content_text as content_text
from .extraction.rules import (
    Attribute as Attribute,
    attributes_of as attributes_of,
)
from .memory import Memory as Memory
from .protocols import (
    ChatMessage as ChatMessage,
    ChatModel as ChatModel,
    Embedder as Embedder,
    Reranker as Reranker,
)
from .providers.hashing import HashingEmbedder as HashingEmbedder
from .results import (
    AddedItem as AddedItem,
    AddResult as AddResult,
    DoctorProblem as DoctorProblem,
    DoctorReport as DoctorReport,
    Document as Document,
    Explanation as Explanation,
    ForgetResult as ForgetResult,
    HistoryItem as HistoryItem,
    Listing as Listing,
    MemoryItem as MemoryItem,
    MessageResult as MessageResult,
    PruneResult as PruneResult,
    ReembedResult as ReembedResult,
    SearchResults as SearchResults,
    SkippedItem as SkippedItem,
    UserItem as UserItem,
    UserListing as UserListing,
)
from .runtime.effects import Flow as Flow

__version__: str
