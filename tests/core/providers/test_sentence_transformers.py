"""Local models. Most tests need no model; the others build a tiny one with sentence-transformers."""

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from holdfast import AsyncMemory, ConfigError, EmbedderMismatch, Memory
from holdfast.providers.registry import CrossEncoderReranker, SentenceTransformersEmbedder, embedder, reranker, spec_of

SAID = ("I drink tea", "Peanuts make me ill", "The cat sleeps")


def python(script, **environment):
    """Run `script` in its own interpreter."""
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
    )


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make the library look installed, and every import of it fail."""
    package = tmp_path / "libraries" / "sentence_transformers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('loaded')")
    monkeypatch.delitem(sys.modules, "sentence_transformers", raising=False)
    monkeypatch.syspath_prepend(str(package.parent))


def model_folder(folder, *, weights=b"0123456789" * 1000, pooling="mean"):
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "modules.json").write_text('[{"path": ""}, {"path": "1_Pooling"}]')
    (folder / "1_Pooling" / "config.json").write_text(f'{{"pooling": "{pooling}"}}')
    (folder / "model.safetensors").write_bytes(weights)
    return folder


# Without the library


@pytest.mark.parametrize("build", ["embedder('sentence-transformers')", "reranker('cross-encoder')"])
def test_a_missing_library_says_what_to_install(build):
    done = python(
        "import sys; sys.modules['sentence_transformers'] = None\n"
        f"from holdfast.providers.registry import embedder, reranker; {build}"
    )
    assert 'ImportError: local models need sentence-transformers: pip install "holdfast[local]"' in done.stderr


# Without a model


@pytest.mark.usefixtures("installed")
def test_naming_a_model_loads_nothing(tmp_path):
    path = tmp_path / "memory.db"
    options = {"llm": "rules", "embedder": {"provider": "huggingface", "config": {"model": "some/model"}}}
    for _ in range(2):
        with Memory(path, reranker="cross-encoder", **options) as memory:
            assert memory.get_all(user_id="ana") == {"results": []}
            assert memory.engines["embedder"] == "sentence-transformers:some/model"
    with Memory(path, llm="rules", embedder=SentenceTransformersEmbedder("some/model")) as memory:
        assert memory.get_all(user_id="ana") == {"results": []}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("provider", ["sentence-transformers", "sentence_transformers", "huggingface"])
def test_a_local_embedder_is_rebuilt_from_its_spec(provider):
    config = {"model": "some/model", "batch_size": 8, "document_prompt": "passage: ", "embedding_dims": 128}
    first = embedder({"provider": provider, "config": config})
    again = embedder(spec_of(first))
    assert spec_of(again) == spec_of(first)
    assert again.fingerprint == first.fingerprint
    assert again.dimensions == first.dimensions == 128


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("provider", ["sentence-transformers", "sentence_transformer", "cross-encoder", "huggingface"])
def test_mem0s_settings_for_a_cross_encoder_are_understood(provider):
    config = {"model": "some/model", "device": "cpu", "batch_size": 8, "show_progress_bar": False, "top_k": 5}
    judge = reranker({"provider": provider, "config": config})
    assert (type(judge), judge.model) == (CrossEncoderReranker, "some/model")


@pytest.mark.usefixtures("installed")
def test_a_fingerprint_depends_only_on_what_changes_the_vectors():
    def fingerprint(**settings):
        return SentenceTransformersEmbedder("all-MiniLM-L6-v2", **settings).fingerprint

    plain = fingerprint()
    assert plain == SentenceTransformersEmbedder("sentence-transformers/all-MiniLM-L6-v2").fingerprint
    assert fingerprint(query_prompt="query: ", device="cpu", batch_size=1) == plain
    assert len({plain, fingerprint(document_prompt="passage: "), fingerprint(dimensions=128)}) == 3


@pytest.mark.usefixtures("installed")
def test_copies_of_a_model_share_a_fingerprint_and_other_models_do_not(tmp_path):
    def fingerprint(name, **content):
        return SentenceTransformersEmbedder(model_folder(tmp_path / name, **content)).fingerprint

    tuned = bytearray(b"0123456789" * 1000)
    tuned[5000] += 1
    first = fingerprint("first")
    assert fingerprint("copy") == first
    assert len({first, fingerprint("tuned", weights=bytes(tuned)), fingerprint("cls", pooling="cls")}) == 3


@pytest.mark.usefixtures("installed")
def test_a_folder_is_remembered_by_its_whole_path(tmp_path, monkeypatch):
    model_folder(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    assert spec_of(SentenceTransformersEmbedder("model"))["config"]["model"] == str(tmp_path / "model")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", [SentenceTransformersEmbedder, CrossEncoderReranker])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "./nowhere"}, "no folder ./nowhere"),
        ({"model": "/no/where"}, "no folder /no/where"),
        ({"model": " "}, "model"),
        ({"model": 3}, "model is 3"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": True}, "batch_size is True"),
    ],
)
def test_unusable_settings_are_refused_by_name(kind, settings, words):
    with pytest.raises(ConfigError, match=words):
        kind(**settings)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", [SentenceTransformersEmbedder, CrossEncoderReranker])
def test_local_models_can_be_pickled(kind):
    sent = pickle.loads(pickle.dumps(kind("some/model", batch_size=8)))  # noqa: S301 - our own bytes
    assert repr(sent) == repr(kind("some/model"))


# With the library and a tiny model

library = pytest.mark.filterwarnings("default")  # the library's own imports warn


def tokenizer_of(words):
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {word: number for number, word in enumerate([PADDING, UNKNOWN, *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return tokenizer


PADDING, UNKNOWN = "[PAD]", "[UNK]"
WORDS = "i drink tea peanuts make me ill the cat sleeps what do query passage :".split()


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A bag-of-words model with random vectors, saved like any model."""
    local = pytest.importorskip("sentence_transformers", reason="the extra `local` is not installed")
    from sentence_transformers.models import StaticEmbedding  # noqa: PLC0415

    weights = np.random.default_rng(1).standard_normal((len(WORDS) + 2, 32)).astype(np.float32)
    folder = tmp_path_factory.mktemp("tiny")
    local.SentenceTransformer(
        modules=[StaticEmbedding(tokenizer_of(WORDS), embedding_weights=weights)], device="cpu"
    ).save(str(folder))
    return folder


@pytest.fixture(scope="module")
def tiny_cross_encoder(tmp_path_factory):
    """Build a folder with a one-layer cross-encoder with random weights and this many outputs per pair."""
    pytest.importorskip("sentence_transformers", reason="the extra `local` is not installed")
    transformers = pytest.importorskip("transformers")

    def build(labels):
        folder = tmp_path_factory.mktemp(f"cross{labels}")
        config = transformers.BertConfig(
            vocab_size=len(WORDS) + 2,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            num_labels=labels,
            initializer_range=5.0,
        )
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
        words = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer_of(WORDS), pad_token=PADDING, unk_token=UNKNOWN, model_max_length=64
        )
        words.save_pretrained(folder)
        return folder

    return build


@library
def test_vectors_have_unit_length_and_the_models_dimensions(tiny_model):
    local = SentenceTransformersEmbedder(tiny_model, device="cpu")
    assert local.dimensions == 32
    for vectors in (local.embed(SAID), local.embed_queries(SAID)):
        assert (vectors.shape, vectors.dtype) == ((3, 32), np.float32)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


@library
def test_dimensions_cut_the_vectors(tiny_model):
    short = SentenceTransformersEmbedder(tiny_model, device="cpu", dimensions=8)
    assert short.dimensions == 8
    vectors = short.embed(SAID)
    assert vectors.shape == (3, 8)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


@library
def test_each_side_has_its_own_prompt(tiny_model):
    plain = SentenceTransformersEmbedder(tiny_model, device="cpu")
    asks = SentenceTransformersEmbedder(tiny_model, device="cpu", query_prompt="query : ")
    tells = SentenceTransformersEmbedder(tiny_model, device="cpu", document_prompt="passage : ")
    assert asks.embed(["tea"]) == pytest.approx(plain.embed(["tea"]))
    assert asks.embed_queries(["tea"]) == pytest.approx(plain.embed(["query : tea"]))
    assert tells.embed(["tea"]) == pytest.approx(plain.embed(["passage : tea"]))
    assert tells.embed_queries(["tea"]) == pytest.approx(plain.embed(["tea"]))


@library
def test_many_threads_share_one_model(tiny_model):
    local = SentenceTransformersEmbedder(tiny_model, device="cpu")
    alone = local.embed(SAID)
    with ThreadPoolExecutor(8) as threads:
        for vectors in threads.map(lambda _: local.embed(SAID), range(40)):
            assert vectors == pytest.approx(alone)


@library
def test_a_memory_reopens_with_its_local_model(tiny_model, tmp_path):
    path = tmp_path / "memory.db"
    with Memory(
        path, llm="rules", embedder={"provider": "huggingface", "config": {"model": str(tiny_model)}}
    ) as memory:
        for text in SAID:
            memory.add(text, user_id="ana", infer=False)
    with Memory(path, llm="rules") as memory:
        assert memory.search("tea", user_id="ana")["results"][0]["memory"] == "I drink tea"
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    with Memory(path, llm="rules", embedder=SentenceTransformersEmbedder(copy)) as memory:
        assert memory.search("cat", user_id="ana")["results"][0]["memory"] == "The cat sleeps"
    with pytest.raises(EmbedderMismatch):
        Memory(path, llm="rules", embedder="hashing")


@library
def test_an_async_memory_runs_the_model_outside_the_event_loop(tiny_model):
    async def found():
        local = SentenceTransformersEmbedder(tiny_model, device="cpu")
        async with AsyncMemory(":memory:", llm="rules", embedder=local) as memory:
            await asyncio.gather(*(memory.add(text, user_id="ana", infer=False) for text in SAID))
            return await asyncio.gather(*(memory.search(text, user_id="ana", limit=1) for text in SAID))

    assert tuple(one["results"][0]["memory"] for one in asyncio.run(found())) == SAID


@library
def test_a_cross_encoder_scores_each_text_between_0_and_1(tiny_cross_encoder):
    judge = CrossEncoderReranker(tiny_cross_encoder(1), device="cpu", batch_size=2)
    scores = judge.score("what do I drink", SAID)
    assert len(scores) == 3
    assert all(0 <= score <= 1 for score in scores)
    assert len(set(scores)) > 1
    assert [judge.score("what do I drink", [text])[0] for text in SAID] == pytest.approx(scores, abs=1e-4)
    assert judge.score("tea", []) == []


@library
def test_a_cross_encoder_reranks_a_search(tiny_cross_encoder):
    settings = {"provider": "sentence_transformer", "config": {"model": str(tiny_cross_encoder(1)), "device": "cpu"}}
    with Memory(":memory:", llm="rules", embedder="hashing", reranker=settings) as memory:
        for text in SAID:
            memory.add(text, user_id="ana", infer=False)
        found = memory.search("tea", user_id="ana", rerank=True, explain=True)["results"]
    assert len(found) == 3
    assert all("rerank" in item["score_details"] for item in found)


@library
def test_a_classifier_is_refused_as_a_reranker(tiny_cross_encoder):
    with pytest.raises(ConfigError, match="3 outputs"):
        CrossEncoderReranker(tiny_cross_encoder(3), device="cpu").score("tea", SAID)


@pytest.mark.parametrize(
    "use", ["SentenceTransformersEmbedder(name).embed(['tea'])", "CrossEncoderReranker(name).score('tea', ['tea'])"]
)
def test_offline_an_unknown_model_raises_with_the_way_out(use):
    pytest.importorskip("sentence_transformers", reason="the extra `local` is not installed")
    done = python(
        "from holdfast import ConfigError\n"
        "from holdfast.providers.registry import CrossEncoderReranker, SentenceTransformersEmbedder\n"
        "name = 'some/model-never-fetched'\n"
        f"try: {use}\n"
        "except ConfigError as error: print(error)",
        HF_HUB_OFFLINE="1",
    )
    assert "'some/model-never-fetched' is not in the Hugging Face cache" in done.stdout, done.stderr
    assert "give the folder" in done.stdout
