"""Static vectors: similar meaning without a model, a key or a network."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from holdfast import Memory
from holdfast.errors import ConfigError
from holdfast.protocols import Embedder
from holdfast.providers.registry import embedder, spec_of
from holdfast.providers.static_vectors import StaticEmbedder

WORDS = ["tea", "coffee", "car", "[UNK]"]


@pytest.fixture(scope="module")
def default():
    return StaticEmbedder()


def save_model(folder, vectors):
    folder.mkdir()
    save_file({"embeddings": np.asarray(vectors, dtype=np.float32)}, folder / "model.safetensors")
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - not that kind of token
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def folder(tmp_path):
    return save_model(tmp_path / "model", [[3, 4, 0], [4, 3, 0], [0, 0, 2], [0, 0, 0]])


def similarity(engine, one, other):
    first, second = engine.embed([one, other])
    return float(first @ second)


@pytest.mark.parametrize("text", ["", " ", "tea", "雪", "(" * 100_000, "a" * 100_000, "\ud800", "🐶" * 1000])
def test_every_text_gets_a_unit_vector(default, text):
    (vector,) = default.embed([text])
    assert vector.dtype == np.float32
    assert vector.shape == (default.dimensions,)
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_words_of_similar_meaning_are_close(default):
    assert isinstance(default, Embedder)
    assert similarity(default, "I reside in Rome", "I live in Rome") > 0.6
    assert similarity(default, "I live in Rome", "My doctor is called Bo") < 0.4
    assert similarity(default, "physician", "doctor") > similarity(default, "physician", "guitar") + 0.2


def test_a_folder_of_vectors_can_be_given(folder):
    engine = embedder({"provider": "static", "config": {"model": str(folder)}})
    assert engine.dimensions == 3
    assert np.allclose(
        engine.embed(["tea", "tea coffee", "nothing known"]), [[0.6, 0.8, 0], [0.5**0.5] * 2 + [0], [1, 0, 0]]
    )
    assert embedder(spec_of(engine)).fingerprint == engine.fingerprint
    assert pickle.loads(pickle.dumps(engine)).fingerprint == engine.fingerprint  # noqa: S301 - our own


def test_other_vectors_have_another_fingerprint(folder, tmp_path):
    other = save_model(tmp_path / "other", [[3, 4, 0], [4, 3, 0], [0, 0, 1], [0, 0, 0]])
    assert StaticEmbedder(folder).fingerprint != StaticEmbedder(other).fingerprint
    assert StaticEmbedder(folder).fingerprint != StaticEmbedder().fingerprint


def test_a_store_opens_again_with_its_static_vectors(tmp_path):
    with Memory(tmp_path / "memory.db", llm="rules", embedder="static") as memory:
        memory.add("My physician told me to cut down on salt.", user_id="ana")
        memory.add("The train leaves at noon.", user_id="ana")
    with Memory(tmp_path / "memory.db") as memory:
        found = memory.search("advice of the doctor about diet", user_id="ana", keyword_search=False)["results"]
        assert "physician" in found[0]["memory"]


def test_the_files_are_read_when_the_first_text_is_embedded():
    script = (
        "import sys; from holdfast.providers.static_vectors import StaticEmbedder as E; e = E();"
        " assert e.dimensions == 256; assert not {'safetensors', 'tokenizers', 'wordllama'} & set(sys.modules);"
        " e.embed(['tea']); assert 'wordllama' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, check=True)


@pytest.mark.parametrize("broken", ["no folder", "no vectors", "two files of vectors", "not vectors", "two matrices"])
def test_a_folder_without_vectors_is_refused(folder, broken):
    weights = folder / "model.safetensors"
    if broken == "no vectors":
        weights.unlink()
    elif broken == "two files of vectors":
        (folder / "more.safetensors").write_bytes(weights.read_bytes())
    elif broken == "not vectors":
        weights.write_bytes(b"not vectors at all")
    elif broken == "two matrices":
        matrix = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
        header = json.dumps({"a": matrix, "b": matrix}).encode()
        weights.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ConfigError, match=r"folder|files|matrix"):
        StaticEmbedder(folder / "missing" if broken == "no folder" else folder)
