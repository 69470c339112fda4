"""Add memories in one line, and read the dictionaries that the verbs return."""


def add_verbatim(memory, *messages: str, **more) -> list[str]:
    """Add user messages without inference; return the ids."""
    result = memory.add([{"role": "user", "content": one} for one in messages], **{"infer": False, **more})
    assert len(result["results"]) == len(messages), result
    return [item["id"] for item in result["results"]]


def texts(found) -> list[str]:
    """Return the texts of a result, in its order."""
    return [item["memory"] for item in found["results"]]


def stored_texts(memory, **ids) -> list[str]:
    """Return all texts of a scope, by default that of the user "ana", newest first."""
    return texts(memory.get_all(**(ids or {"user_id": "ana"})))


def events(result) -> list[tuple[str, str]]:
    """Return the event and the text of each memory that an `add` touched."""
    return [(item["event"], item["memory"]) for item in result["results"]]


def reasons(result) -> list[str]:
    """Return why an `add` skipped what it skipped."""
    return [item["reason"] for item in result["skipped"]]
