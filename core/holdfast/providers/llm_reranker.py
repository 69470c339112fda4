"""A chat model as a reranker: one call rates all candidates."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial

from holdfast.errors import ConfigError, UnreadableReply
from holdfast.extraction import replies
from holdfast.extraction.messages import reply_text
from holdfast.extraction.prompts import RATING_SCHEMA, rating_messages, repair_messages
from holdfast.protocols import ChatMessage, ChatModel

_PROVIDER = "llm_reranker"


class LLMReranker:
    """A reranker that asks a chat model how well each text answers the query, all in one call.

    An unreadable answer is requested once more; a text that the model leaves out gets 0.

    Args:
        chat_model: An object with `complete(messages, *, schema=None)`.
        prompt: Replaces the rules of the rating from 0 to 10; the form of the answer is still asked for.

    Raises:
        ConfigError: The prompt is blank.

    >>> from holdfast.testing import ScriptedChatModel
    >>> model = ScriptedChatModel({"ratings": [{"memory": 0, "score": 2}, {"memory": 1, "score": 9}]})
    >>> LLMReranker(model).score("Is Ana allergic?", ["Ana likes tea", "Ana is allergic to nuts"])
    [0.2, 0.9]
    """

    provider = _PROVIDER

    def __init__(self, chat_model: ChatModel, *, prompt: str | None = None) -> None:
        if prompt is not None and (not isinstance(prompt, str) or not prompt.strip()):
            raise ConfigError(f"prompt is {prompt!r}: give the prompt's text, or leave it out")
        self.chat_model = chat_model
        self._prompt = prompt

    @property
    def model(self) -> str:
        """The name of the chat model."""
        return str(getattr(self.chat_model, "model", type(self.chat_model).__name__))

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one relevance in 0..1 for each of `texts`, higher is better.

        Raises:
            ProviderError: The service failed.
            UnreadableReply: Neither of its two answers contains a rating.
        """
        exchange = _rate(query, texts, self._prompt)
        step = partial(next, exchange)
        while True:
            try:
                messages = step()
            except StopIteration as stop:
                scores: list[float] = stop.value
                return scores
            try:
                step = partial(exchange.send, self.chat_model.complete(messages, schema=RATING_SCHEMA))
            except UnreadableReply as error:
                step = partial(exchange.throw, error)

    async def ascore(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return what `score` returns, without blocking the event loop."""
        exchange = _rate(query, texts, self._prompt)
        step = partial(next, exchange)
        while True:
            try:
                messages = step()
            except StopIteration as stop:
                scores: list[float] = stop.value
                return scores
            try:
                step = partial(exchange.send, await self._complete(messages))
            except UnreadableReply as error:
                step = partial(exchange.throw, error)

    def __repr__(self) -> str:
        return f"LLMReranker({self.model!r})"

    async def _complete(self, messages: Sequence[ChatMessage]) -> str:
        awaitable = getattr(self.chat_model, "acomplete", None)
        if awaitable is None:
            import asyncio  # noqa: PLC0415 - loaded already where this is awaited, and not needed elsewhere

            return await asyncio.to_thread(self.chat_model.complete, messages, schema=RATING_SCHEMA)
        reply: str = await awaitable(messages, schema=RATING_SCHEMA)
        return reply


def _rate(query: str, texts: Sequence[str], prompt: str | None) -> Generator[list[ChatMessage], str, list[float]]:
    """Yield the messages to send, receive the reply, and return the scores; without texts, yield nothing."""
    if not texts:
        return []
    messages = rating_messages(query, texts, prompt=prompt)
    try:
        ratings = replies.parse_ratings(reply_text((yield messages), _PROVIDER), count=len(texts))
    except UnreadableReply as problem:
        if problem.reply is None:
            raise
        second_try = repair_messages(messages, problem.reply, str(problem))
        ratings = replies.parse_ratings(reply_text((yield second_try), _PROVIDER), count=len(texts))
    return [ratings.get(place, 0.0) for place in range(len(texts))]
