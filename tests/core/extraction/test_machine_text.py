"""What machines write, headings and unfilled templates become no memories; statements beside them do."""

import pytest

from holdfast import Memory

STATEMENT = "I moved to Bonn last week."
JUNK = {
    "heartbeat": [
        "HEARTBEAT_OK",
        "ping",
        "Pong!",
        "[system] keepalive 12:00",
        "[heartbeat] 2024-05-01T12:00:00Z alive",
        "Heartbeat: OK",
        "health check ok",
        "Read HEARTBEAT.md if it exists. If nothing needs my attention, reply HEARTBEAT_OK.",
    ],
    "heading": [
        "# My notes",
        "## What I like",
        "**My preferences**",
        "My preferences:",
        "About me:",
        "My Shopping List",
        "My Profile\n==========",
        "==== I AM HERE ====",
        "Chapter 3: My Life",
    ],
    "quoted": [
        '{"user": "I am Ana", "note": "I like tea"}',
        '{\n  "user": "I am Ana. I live in Rome.",\n  "tags": [\n    "I like tea"\n  ]\n}',
        '[{"role": "user", "content": "I like tea"}]',
        "```json\nI like tea\n```",
        "diff --git a/x b/x\n@@ -1,2 +1,2 @@\n-I like tea\n+I like coffee",
        "<html><body>I like tea</body></html>",
        "export MY_KEY=abc",
    ],
    "log": [
        "2024-05-01 12:00:00 INFO my service started\n2024-05-01 12:00:01 ERROR I failed to connect",
        "[12:00:01] INFO: User logged in to my account",
        "May 01 12:00:00 host sshd[123]: my login failed",
        '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /my/a HTTP/1.0" 200 2326',
        "WARNING: I cannot reach my database",
        'level=info user=me msg="I am up" code=5',
        "[cron] my backup is done",
    ],
    "table": [
        "| Name | City |\n|------|------|\n| My sister | Rome |\n| I | Bonn |",
        "Name,City,My food\nAna,Rome,I like pasta\nBob,Oslo,I like fish",
        "Name\tMy city\nAna\tI live in Rome",
    ],
    "stack trace": [
        (
            'Traceback (most recent call last):\n  File "/home/me/my_app.py", line 3, in <module>\n'
            "    main(my_args)\nValueError: I cannot parse my input"
        ),
        "java.lang.NullPointerException: my value is null\n\tat com.my.App.run(App.java:10)\n\t... 3 more",
        "TypeError: my thing failed\n    at Object.<anonymous> (/home/me/app.js:1:7)",
    ],
    "template": [
        "Always answer briefly. The customer says: {words}",
        "Hi {name}, my order {order_id} is late.",
        "Dear {{ customer }}, I have your order.",
    ],
}
CASES = [(reason, text) for reason, texts in JUNK.items() for text in texts]


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


@pytest.mark.parametrize(("reason", "text"), CASES)
def test_nothing_of_it_becomes_a_memory_and_the_reason_is_named(memory, reason, text):
    result = memory.add(text, user_id="ana")
    assert (result["results"], {one["reason"] for one in result["skipped"]}) == ([], {reason})


@pytest.mark.parametrize("text", [text for _, text in CASES])
@pytest.mark.parametrize("shape", ["{junk}\n\n{said}", "{said}\n\n{junk}", "{said}\n\n{junk}\n\nI like tea."])
def test_statements_beside_it_are_kept(memory, shape, text):
    result = memory.add(shape.replace("{junk}", text).replace("{said}", STATEMENT), user_id="ana")
    kept = [STATEMENT, "I like tea."] if shape.endswith("tea.") else [STATEMENT]
    assert [item["memory"] for item in result["results"]] == kept


@pytest.mark.parametrize(
    "text",
    [
        "My heartbeat is irregular.",
        "I'm the #1 fan of Queen.",
        "My answer to everything is {}.",
        "I work on the endpoint /users/{id}.",
        "[12:00:01] Ana: I moved to Bonn.",
        "My sister lives in Rome",
        "I like tea, coffee and milk.",
        "I have [brackets in my sentence.",
        "I work on the ERROR page of my app yesterday.",
        "I **love** tea.",
    ],
)
def test_what_only_looks_like_it_is_kept(memory, text):
    assert len(memory.add(text, user_id="ana")["results"]) == 1


def test_brackets_that_never_close_hide_nothing(memory):
    assert memory.add('{"a":\n' + STATEMENT, user_id="ana")["results"][0]["memory"] == STATEMENT
