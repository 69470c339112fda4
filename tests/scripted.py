"""What scripted models answer, what they were asked, and embedders that do not fit or do not work."""

from holdfast.providers.hashing import HashingEmbedder
from holdfast.testing import ScriptedChatModel


class OtherEmbedder(HashingEmbedder):
    """An embedder with vectors of the same length as the hashing embedder's, under another fingerprint."""

    def __init__(self, dimensions=384):
        super().__init__(dimensions)
        self.fingerprint = f"other:{dimensions}"


class FailingEmbedder(HashingEmbedder):
    """An embedder whose service cannot be reached."""

    def embed(self, texts):
        raise ConnectionError(f"no route for {len(texts)} texts")


def facts(*texts: str) -> dict:
    """Return the reply to an extraction that finds `texts`."""
    return {"facts": [{"text": text, "turn": 0, "attributed_to": "user"} for text in texts]}


def decisions(*items: dict) -> dict:
    """Return the reply to a reconciliation; what an item leaves out is null."""
    return {"decisions": [{"fact": None, "memory": None, "text": None, **item} for item in items]}


def shown_memories(model: ScriptedChatModel, *, call: int) -> list[str]:
    """Return the memories that a reconciliation showed the model, by their number."""
    prompt = model.calls[call].messages[-1]["content"]
    block = prompt.split("<memories>")[1].split("</memories>")[0]
    return [line.split(">", 1)[1].rsplit("<", 1)[0] for line in block.strip().splitlines()]
