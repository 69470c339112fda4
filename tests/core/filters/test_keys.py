"""Every key that metadata can have can be named in a filter."""

import re

import pytest
from hypothesis import given, strategies as st
from tests.core.filters.evaluate import OPERATORS, found, memory

from holdfast.filters.keys import join_path, quote_key, split_path

KEYS = [
    "a.b",
    ".",
    "..",
    "a.",
    "3.5 mm",
    "two words",
    "x[0]",
    "x['y']",
    '["y"]',
    "prix (€)",
    "größe",
    "名前",
    "🙂",
    "it's",
    "'quoted'",
    'say "tea"',
    '"',
    "back\\slash",
    "\\",
    "new\nline",
    "\x7f",
    "?",
    "$",
    "*",
    "",
    " ",
    "metadata",
    "metadata.city",
    "text",
    "user_id",
    "AND",
    "eq",
]
OPERANDS = dict.fromkeys(OPERATORS, 1) | {"in": [1], "nin": [2], "ne": 2, "contains": "a", "icontains": "A"}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_quotes_is_taken_as_it_is(database, key):
    stored = [memory(metadata={key: 1}), memory(metadata={"other": 1}), memory(metadata={"a": {"b": 1}})]
    single = "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"
    quoted = quote_key(key)
    for name in (f"metadata.{quoted}", f"metadata.{single}", f"metadata[{quoted}]", f"metadata[{single}]"):
        assert found(database, stored, {name: 1}) == [0]
    assert found(database, stored, {"metadata": {quoted: 1}}) == [0]


@pytest.mark.parametrize("key", KEYS)
def test_every_operator_reads_a_key_in_quotes(database, key):
    path = f"metadata.outer.{quote_key(key)}.inner"
    stored = [memory(metadata={"outer": {key: {"inner": 1}}}), memory(metadata={"outer": {key: 1}}), memory()]
    for operator in ("eq", "ne", "in", "nin", "gte", "lte"):
        assert found(database, stored, {path: {operator: OPERANDS[operator]}}) == [0]
    assert found(database, stored, {path: "*"}) == [0]
    assert found(database, stored, {"NOT": {path: "*"}}) == [1, 2]
    texts = [memory(metadata={"outer": {key: {"inner": value}}}) for value in ("Tea", ["tea"], ["Tea"], None, {})]
    assert found(database, texts, {path: {"icontains": "TEA"}}) == [0, 1, 2]
    assert found(database, texts, {path: {"contains": "tea"}}) == [1]
    assert found(database, texts, {path: {"gt": "2026-01-01"}}) == []


@pytest.mark.parametrize("key", ["it's", "two words", "x[0]", "größe", "a'b", "[", "a[b]", "a-b", "a/b", "a:b"])
def test_a_plain_key_needs_no_quotes(database, key):
    stored = [memory(metadata={key: 1}), memory(metadata={"other": 1})]
    assert found(database, stored, {key: 1}) == found(database, stored, {f"metadata.{key}": 1}) == [0]


def test_brackets_replace_the_dot():
    assert split_path("prices[\"2.5 kg\"]['in €'].net") == ("prices", "2.5 kg", "in €", "net")
    assert split_path("prices.\"2.5 kg\".'in €'.net") == ("prices", "2.5 kg", "in €", "net")


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", 'a."b".', '"a".', '["a"].'])
def test_a_key_is_empty_only_in_quotes(path):
    with pytest.raises(ValueError, match=f"^{re.escape(path)}$"):
        split_path(path)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.text("ab.'\"[]\\"), min_size=1))
def test_a_path_is_read_as_it_was_joined(keys):
    assert split_path(join_path(keys)) == tuple(keys)
    assert split_path(".".join(map(quote_key, keys))) == tuple(keys)
