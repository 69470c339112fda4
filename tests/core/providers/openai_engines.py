"""Engines of OpenAI's protocol that speak to a scripted server."""

import numpy as np

from holdfast.providers.openai import OpenAIChat, OpenAIEmbeddings

HELLO = [{"role": "user", "content": "hello"}]
KEY = "sk-very-secret-0123456789"


def chat(server, **options) -> OpenAIChat:
    return OpenAIChat(**{"api_key": KEY, "base_url": server.base_url, **options})


def embeddings(server, **options) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(**{"api_key": KEY, "base_url": server.base_url, **options})


async def aembed_once(engine: OpenAIEmbeddings, texts: list[str]) -> np.ndarray:
    try:
        return await engine.aembed(texts)
    finally:
        await engine.aclose()
