"""The models' own tokenizers are read from this machine's caches and never fetched.

tiktoken is the real one; a module of ours, found before its own, describes a small table that the tests write. Each
test runs its own process, because tiktoken keeps tables that it has read.
"""

import hashlib
import json
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken

from holdfast.providers.langchain import LangChainChat
from holdfast.providers.tokenizers import tokenizer_of

ADDRESS = "https://tables.invalid/small.tiktoken"
TEXT = "the hens of the garden, 雪 and \U0001f600"

# Merges of "the", " the", "hen" and "ar" over single bytes.
TABLE = b"".join(
    b64encode(token) + b" %d\n" % rank
    for rank, token in enumerate(
        [*(bytes([byte]) for byte in range(256)), b"th", b"the", b" t", b" th", b" the", b"he", b"hen", b"ar"]
    )
)

DESCRIPTIONS = f"""
from tiktoken.load import data_gym_to_mergeable_bpe_ranks, load_tiktoken_bpe

def o200k_base():
    ranks = load_tiktoken_bpe({ADDRESS!r}, expected_hash={hashlib.sha256(TABLE).hexdigest()!r})
    pattern = r"\\s+(?!\\S)|\\s?\\S+"
    return {{"name": "o200k_base", "pat_str": pattern, "mergeable_ranks": ranks, "special_tokens": {{}}}}

def o200k_harmony():
    return {{**o200k_base(), "name": "o200k_harmony", "special_tokens": {{"<|start|>": 300}}}}

def gpt2():
    return data_gym_to_mergeable_bpe_ranks({ADDRESS!r}, {ADDRESS!r})

ENCODING_CONSTRUCTORS = {{"o200k_base": o200k_base, "o200k_harmony": o200k_harmony, "gpt2": gpt2}}
"""

# Refuses every connection that leaves this machine, and prints it.
WATCH = """
import json, os, sys

asked = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        asked.append(event)
        raise OSError("nothing leaves this machine")

sys.addaudithook(watch)
os.environ["TIKTOKEN_CACHE_DIR"], descriptions, *models = sys.argv[1:]
if descriptions:
    sys.path.insert(0, descriptions)
"""

COUNT = (
    WATCH
    + f"""
from holdfast.providers.tokenizers import tokenizer_of

counters = [tokenizer_of(model) for model in models]
print(json.dumps([[None if count is None else count({TEXT!r}) for count in counters], asked]))
"""
)


@pytest.fixture
def descriptions(tmp_path):
    folder = tmp_path / "descriptions" / "tiktoken_ext"
    folder.mkdir(parents=True)
    (folder / "openai_public.py").write_text(DESCRIPTIONS)
    return folder.parent


@pytest.fixture
def cache(tmp_path):
    """tiktoken's cache with the small table in it."""
    folder = tmp_path / "cache"
    folder.mkdir()
    table_in(folder).write_bytes(TABLE)
    return folder


def table_in(folder):
    return folder / hashlib.sha1(ADDRESS.encode(), usedforsecurity=False).hexdigest()


def counted(output_of, *arguments):
    return json.loads(output_of(COUNT, *arguments)[0])


def test_a_cached_table_counts_like_tiktoken(output_of, cache, descriptions):
    (mine, asked) = counted(output_of, cache, descriptions, "gpt-4o-mini", "openai/gpt-oss-20b", "gpt-5")
    theirs = f"""
import tiktoken
for name in ("o200k_base", "o200k_harmony"):
    print(len(tiktoken.get_encoding(name).encode_ordinary({TEXT!r})))
"""
    same, harmony = map(int, output_of(WATCH + theirs, cache, descriptions))
    assert mine == [same, harmony, same]
    assert 10 < same < len(TEXT.encode()) - 5  # the merges are used
    assert asked == []


def test_a_missing_table_is_not_fetched(output_of, tmp_path, descriptions):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert counted(output_of, empty, descriptions, "gpt-4o-mini", "gpt2") == [[None, None], []]
    assert counted(output_of, empty, "", "gpt-4o-mini", "gpt-4", "gpt2", "davinci") == [[None] * 4, []]
    assert list(empty.iterdir()) == []


def test_tiktoken_itself_would_fetch_a_missing_table(output_of, tmp_path):
    fetching = """
import tiktoken
try:
    tiktoken.get_encoding("o200k_base")
except OSError:
    print(len(asked))
"""
    assert int(output_of(WATCH + fetching, tmp_path, "")[0]) > 0


def test_a_damaged_table_is_neither_used_nor_removed(output_of, cache, descriptions):
    table_in(cache).write_bytes(TABLE[:-20])
    assert counted(output_of, cache, descriptions, "gpt-4o-mini") == [[None], []]
    assert table_in(cache).read_bytes() == TABLE[:-20]


def test_a_cache_that_is_switched_off_is_not_read(output_of, descriptions):
    assert counted(output_of, "", descriptions, "gpt-4o-mini") == [[None], []]


def test_another_vendors_model_is_not_counted_with_openais_table(output_of, cache, descriptions):
    models = ("llama3.1", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "a/b/c", "org/llama:8b", "", "/", "my-deployment")
    assert counted(output_of, cache, descriptions, *models) == [[None] * len(models), []]


def test_the_cache_is_tiktokens_cache(output_of, cache, descriptions):
    moving = """
import tempfile
from holdfast.providers.tokenizers import tokenizer_of

def found():
    return tokenizer_of("gpt-4o") is not None

cache = os.environ.pop("TIKTOKEN_CACHE_DIR")
tempfile.tempdir = os.path.dirname(cache)
print(found())
os.rename(cache, os.path.join(tempfile.tempdir, "data-gym-cache"))
print(found())
os.environ["DATA_GYM_CACHE_DIR"] = cache
print(found())
os.rename(os.path.join(tempfile.tempdir, "data-gym-cache"), cache)
print(found())
"""
    assert output_of(WATCH + moving, cache, descriptions) == ["False", "True", "False", "True"]


def test_a_table_that_is_cached_later_is_found(output_of, cache, descriptions):
    waiting = f"""
from pathlib import Path
from holdfast.providers.tokenizers import tokenizer_of

table = Path({str(table_in(cache))!r})
table.rename(table.with_suffix(".away"))
print(tokenizer_of("gpt-4o") is None)
table.with_suffix(".away").rename(table)
print(tokenizer_of("gpt-4o") is None)
"""
    assert output_of(WATCH + waiting, cache, descriptions) == ["True", "False"]


def test_a_megabyte_of_spaces_is_counted(output_of, cache, descriptions):
    long = """
from holdfast.providers.tokenizers import tokenizer_of
print(tokenizer_of("gpt-4o")(" " * 1_000_000))
"""
    assert int(output_of(WATCH + long, cache, descriptions)[0]) == 1_000_000


CONTEXT = (
    WATCH
    + """
from holdfast import Memory
from holdfast.providers.registry import OpenAIChat

with Memory(":memory:", llm=OpenAIChat(*models, api_key="none"), embedder="hashing") as memory:
    memory.add([{"role": "user", "content": f"the hens of garden {n}"} for n in range(40)], user_id="ana", infer=False)
    print(memory.tokens.counted_by)
    print(memory.tokens.of(memory.context("hens", user_id="ana", max_tokens=400)))
    print(asked)
"""
)


def test_the_context_fits_max_tokens_by_the_models_own_tokenizer(output_of, cache, descriptions):
    by, size, asked = output_of(CONTEXT, cache, descriptions, "gpt-4o-mini")
    assert by == "tokenizer of gpt-4o-mini"
    assert 350 < int(size) <= 400
    assert asked == "[]"


def test_tokens_are_estimated_when_the_table_is_missing(output_of, tmp_path):
    by, size, asked = output_of(CONTEXT, tmp_path, "", "gpt-4o-mini")
    assert by == "estimate (4 bytes of UTF-8 a token)"
    assert 350 < float(size) <= 400
    assert asked == "[]"


# llama-index ships the tables of OpenAI's models.
_package = find_spec("llama_index.core") if find_spec("llama_index") else None
REAL_TABLES = Path(_package.origin).parent / "_static" / "tiktoken_cache" if _package and _package.origin else None


@pytest.mark.skipif(REAL_TABLES is None or not REAL_TABLES.is_dir(), reason="no table of OpenAI's is on this machine")
def test_openais_own_tables_are_read_as_tiktoken_reads_them(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(REAL_TABLES))
    texts = [
        TEXT,
        "",
        " \n\n x",
        "def f(a):\n\treturn a**2  # 1234567",
        "我住在里斯本的老城区。",
        "<|endoftext|>",
        "\ud800",
    ]
    for model in ("gpt-4o-mini", "gpt-4", "gpt-oss-20b"):
        encoding, count = tiktoken.encoding_for_model(model), tokenizer_of(model)
        assert [count(text) for text in texts] == [len(encoding.encode_ordinary(text)) for text in texts]


# Open models


@pytest.fixture
def open_model(tmp_path):
    """A Hugging Face cache with a tokenizer of whole words that truncates and pads unless told not to."""
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("huggingface_hub")
    unknown, *_ = words = ["?", "the", "hens", "of", "garden"]
    model = tokenizers.models.WordLevel({word: place for place, word in enumerate(words)}, unk_token=unknown)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=20)
    files = tmp_path / "hub" / "models--open--words" / "snapshots" / "0123abcd"
    files.mkdir(parents=True)
    tokenizer.save(str(files / "tokenizer.json"))
    references = files.parents[1] / "refs"
    references.mkdir()
    (references / "main").write_text("0123abcd")
    return files / "tokenizer.json"


def hub_of(open_model):
    return WATCH + f"\nos.environ['HF_HUB_CACHE'] = {str(open_model.parents[3])!r}\n" + COUNT.removeprefix(WATCH)


def test_an_open_models_tokenizer_is_taken_from_the_hub_cache(output_of, open_model, tmp_path):
    (line,) = output_of(hub_of(open_model), tmp_path, "", "open/words", "open/others", "words")
    assert json.loads(line) == [[len(TEXT.split()), None, None], []]


def test_an_open_models_damaged_tokenizer_is_not_used(output_of, open_model, tmp_path):
    open_model.write_text("{")
    (line,) = output_of(hub_of(open_model), tmp_path, "", "open/words")
    assert json.loads(line) == [[None], []]


# LangChain's models


class Asking:
    """A LangChain chat model whose own count would ask a service."""

    model = "some-model"

    def invoke(self, messages):
        raise AssertionError(messages)

    def get_num_tokens(self, text):
        raise AssertionError(text)

    get_token_ids = get_num_tokens


def test_langchains_own_count_is_not_used_because_it_may_fetch():
    assert LangChainChat(Asking()).count_tokens("some words") is None


def test_a_langchain_models_custom_count_is_used():
    fakes = pytest.importorskip("langchain_core.language_models")
    model = fakes.FakeListChatModel(responses=["hello"], custom_get_token_ids=lambda text: list(map(len, text.split())))
    assert LangChainChat(model).count_tokens("three words long") == 3
    assert LangChainChat(fakes.FakeListChatModel(responses=["hello"])).count_tokens("three words long") is None


def test_a_langchain_model_of_openais_is_counted_with_its_table(output_of, cache, descriptions):
    program = f"""
from holdfast.providers.registry import LangChainChat

class ChatOpenAI:
    model_name = "gpt-4o-mini"
    custom_get_token_ids = None

    def invoke(self, messages):
        raise AssertionError(messages)

print(LangChainChat(ChatOpenAI()).count_tokens({TEXT!r}))
"""
    assert (
        int(output_of(WATCH + program, cache, descriptions)[0])
        == counted(output_of, cache, descriptions, "gpt-4o-mini")[0][0]
    )
