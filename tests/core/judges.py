"""Memories for rerankers and filters, and a model's ratings of them."""

ABOUT_FOOD = ("I drink tea", "Peanuts make me ill", "Tea is served at five")


def ratings(*scores):
    return {"ratings": [{"memory": place, "score": score} for place, score in enumerate(scores)]}
