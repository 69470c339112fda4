"""The tokenizers of models, if they are already on this machine. Nothing here downloads one.

tiktoken downloads a table when it first needs it, so this module uses only its descriptions of the tables, with a
reader of its own. The tokenizers of open models are in the Hugging Face cache once their files were downloaded.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from holdfast.protocols import TokenCounter

if TYPE_CHECKING:
    import tiktoken

_CACHE_VARIABLES = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
_MAX_PIECE_LENGTH = 100_000  # tiktoken's regular expressions fail (with a Rust panic) on a million spaces in a row


def tokenizer_of(model: str) -> TokenCounter | None:
    """Return a function that counts tokens as `model` does, `None` when its tokenizer is not on this machine.

    Args:
        model: OpenAI's name of the model, with or without `openai/`, or an open model's name on the Hugging Face Hub.
    """
    return _tiktoken_counter(model.removeprefix("openai/")) or _hub_counter(model)


def _tiktoken_counter(model: str) -> TokenCounter | None:
    folder = _cache_folder()
    try:
        import tiktoken.model  # noqa: PLC0415 - optional, installed by those who use it

        encoding = _encoding(tiktoken.model.encoding_name_for_model(model), folder)
    except (ImportError, AttributeError, KeyError, OSError, ValueError):
        return None  # not installed, too old, not OpenAI's model, not downloaded, or damaged

    def count(text: str) -> int:
        pieces = (text[start : start + _MAX_PIECE_LENGTH] for start in range(0, len(text), _MAX_PIECE_LENGTH))
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)

    return count


@lru_cache(maxsize=4)
def _encoding(name: str, folder: str) -> tiktoken.Encoding:
    """Return an encoding whose table is in `folder`. A large one takes 0.3 s and 80 MB, so four are cached."""
    import tiktoken  # noqa: PLC0415 - optional

    return tiktoken.Encoding(**_encoding_descriptions(folder)["ENCODING_CONSTRUCTORS"][name]())


@lru_cache(maxsize=4)
def _encoding_descriptions(folder: str) -> Mapping[str, Any]:
    """Return the names of a copy of tiktoken's module of encodings, changed to read from `folder` only."""
    spec = find_spec("tiktoken_ext.openai_public")
    if spec is None or spec.loader is None:
        raise ImportError("this tiktoken has its encodings elsewhere")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names = vars(module)
    readers = [name for name, value in names.items() if getattr(value, "__module__", "") == "tiktoken.load"]
    names |= dict.fromkeys(readers, _refuse_to_read)

    def load_ranks(address: str, expected_hash: str | None = None) -> dict[bytes, int]:
        return _parse_ranks(_read_table(folder, address, expected_hash))

    names["load_tiktoken_bpe"] = load_ranks
    return names


def _refuse_to_read(*_: object, **__: object) -> NoReturn:
    raise OSError("tables of this kind are not read")


def _read_table(folder: str, address: str, expected_hash: str | None) -> bytes:
    """Return a table that tiktoken has downloaded; its file name is the SHA-1 of its address."""
    if not folder:
        raise FileNotFoundError("the cache is switched off")
    table = Path(folder, hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()).read_bytes()
    if expected_hash is not None and hashlib.sha256(table).hexdigest() != expected_hash:
        raise ValueError(f"the table of {address} is damaged")
    return table


def _parse_ranks(table: bytes) -> dict[bytes, int]:
    pairs = (line.split() for line in table.splitlines() if line)
    return {b64decode(token): int(rank) for token, rank in pairs}


def _cache_folder() -> str:
    """Return tiktoken's cache folder, `""` when caching is switched off."""
    variable = next((name for name in _CACHE_VARIABLES if name in os.environ), None)
    return str(Path(tempfile.gettempdir(), "data-gym-cache")) if variable is None else os.environ[variable]


def _hub_counter(model: str) -> TokenCounter | None:
    if model.count("/") != 1:
        return None
    try:
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - optional

        file = try_to_load_from_cache(model, "tokenizer.json")
        return _file_counter(file) if isinstance(file, str) else None
    except Exception:  # noqa: BLE001 - not installed, no such name, or a file that cannot be read
        return None


@lru_cache(maxsize=4)
def _file_counter(file: str) -> TokenCounter:
    from tokenizers import Tokenizer  # noqa: PLC0415 - optional

    tokenizer = Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
