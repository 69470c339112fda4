"""Tokens are counted by the caller's function, the chat model, or an estimate from bytes."""

import numpy as np
import pytest
from tests.results import add_verbatim

from holdfast import Config, ConfigError, Memory, NotFound, ProviderError
from holdfast.testing import ScriptedChatModel, ScriptedEmbedder, memory_for_tests


def words(text):
    return len(text.split())


class CountingModel(ScriptedChatModel):
    """A chat model that counts its tokens."""

    model = "wordy"

    def count_tokens(self, text):
        return words(text)


class UnknowingModel(ScriptedChatModel):
    """A chat model whose tokenizer is not available."""

    def count_tokens(self, _text):
        return None


def test_the_chat_models_own_count_is_used():
    with memory_for_tests(llm=CountingModel()) as memory:
        assert memory.tokens.counted_by == "tokenizer of wordy"
        assert memory.tokens.of("three words long") == 3
        add_verbatim(memory, "The garden has a pond", user_id="ana")
        block = memory.context("garden", user_id="ana")
        assert memory.context("garden", user_id="ana", max_tokens=words(block)) == block


def test_count_tokens_of_the_config_wins():
    with Memory(":memory:", llm=CountingModel(), config=Config(embedder="hashing", count_tokens=len)) as memory:
        assert memory.tokens.counted_by == "count_tokens"
        assert memory.tokens.of("three words long") == 16


@pytest.mark.parametrize("llm", ["rules", ScriptedChatModel(), UnknowingModel()])
def test_without_a_counter_four_bytes_are_a_token(llm):
    with memory_for_tests(llm=llm) as memory:
        assert memory.tokens.counted_by == "estimate (4 bytes of UTF-8 a token)"
        assert memory.tokens.of("雪abc") == 1.5
        assert memory.tokens.of("") == 0


@pytest.mark.parametrize("answer", [-1, 2.5, True, "3", None, [1, 2]])
def test_a_counter_that_returns_no_whole_number_is_named_in_the_error(answer):
    class Odd(ScriptedChatModel):
        model = "odd"

        def count_tokens(self, text):
            return answer if text else 0

    for options, name in (({"config": {"count_tokens": lambda _: answer}}, "count_tokens"), ({"llm": Odd()}, "odd")):
        with memory_for_tests(**options) as memory:
            add_verbatim(memory, "The garden has a pond", user_id="ana")
            with pytest.raises(ProviderError, match=f"{name} counted .*: give a whole number from 0"):
                memory.context("garden", user_id="ana")


def test_a_counter_that_fails_is_named_in_the_error():
    def failing(text):
        return text.index("no such part")

    with memory_for_tests(config={"count_tokens": failing}) as memory:
        with pytest.raises(ProviderError, match="count_tokens failed: ValueError") as raised:
            memory.context("garden", user_id="ana")
        assert isinstance(raised.value.__cause__, ValueError)
        assert memory.search("garden", user_id="ana") == {"results": []}


def test_our_own_errors_pass_through_a_counter():
    def refusing(_):
        raise NotFound("no tokenizer")

    with memory_for_tests(config={"count_tokens": refusing}) as memory, pytest.raises(NotFound, match="no tokenizer"):
        memory.context("garden", user_id="ana")


def test_numpy_integers_are_whole_numbers():
    with memory_for_tests(config={"count_tokens": lambda text: np.int64(len(text))}) as memory:
        assert memory.tokens.of("abc") == 3


def test_a_counter_must_be_callable():
    with pytest.raises(ConfigError, match="count_tokens is 4: give a function"):
        Config(count_tokens=4)
    with pytest.raises(ConfigError, match="count_tokens is 'words'"):
        Memory(":memory:", llm="rules", embedder=ScriptedEmbedder(), config={"count_tokens": "words"})
