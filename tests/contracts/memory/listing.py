"""What `get_all` promises: every memory of a scope, newest first, whole or in pages."""

from tests.contracts.memory.subject import MemorySubject
from tests.results import add_verbatim, texts


class ListingContract(MemorySubject):
    def test_get_all_returns_the_newest_first(self, memory):
        for day in (2, 3, 1):
            add_verbatim(memory, f"day {day}", user_id="ana", timestamp=f"2026-05-0{day}")
        assert texts(memory.get_all(user_id="ana")) == ["day 3", "day 2", "day 1"]
        assert texts(memory.get_all(user_id="ana", limit=1)) == ["day 3"]

    def test_pages_return_every_memory_once(self, memory):
        add_verbatim(memory, *(f"number {number}" for number in range(7)), user_id="ana")
        add_verbatim(memory, "someone else's", user_id="ben")
        pages = [memory.get_all(user_id="ana", page=page, page_size=3) for page in (1, 2, 3)]
        assert [(page["count"], page["previous"], page["next"]) for page in pages] == [
            (7, None, 2),
            (7, 1, 3),
            (7, 2, None),
        ]
        assert sorted(text for page in pages for text in texts(page)) == [f"number {number}" for number in range(7)]
        assert texts(memory.get_all(user_id="ana", page=9, page_size=3)) == []
