"""`holdfast audit` finds problems, reports nothing else, and never shows a secret."""

import itertools
import json

import pytest
from hypothesis import given, strategies as st
from typer.testing import CliRunner

from holdfast import Memory
from holdfast.testing import memory_for_tests
from holdfast_cli import app
from holdfast_cli.audit.report import run_audit
from holdfast_cli.audit.secrets import find_secrets, redact

# Assembled from parts, so that no secret scanner reports the tests.
LETTERS = "abcDEF1234567890ghiJKL"
SECRETS = {
    "API key": ["sk-" + LETTERS, "sk-proj-" + LETTERS, "rk_live_" + LETTERS, "hf_" + LETTERS],
    "AWS key": ["AKIA" + "ABCDEFGH12345678"],
    "GitHub token": ["ghp_" + LETTERS, "github_pat_" + LETTERS],
    "GitLab token": ["glpat-" + LETTERS],
    "Slack token": ["xoxb-" + LETTERS],
    "Google key": ["AIza" + "B" * 35],
    "web token": ["eyJ" + LETTERS + ".eyJ" + LETTERS + "." + LETTERS],
    "card number": ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009", "4222222222222"],
}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "memory.db")


@pytest.fixture
def audited():
    """A function that adds Ana's sentences, or (sentence, day) pairs, and audits her memory."""

    def audited_(*sentences, probes=0):
        with memory_for_tests() as memory:
            for one in sentences:
                text, day = one if isinstance(one, tuple) else (one, "2026-05-01")
                memory.add(text, user_id="ana", infer=False, timestamp=day)
            return run_audit(memory, {"user_id": "ana"}, probes=probes)

    return audited_


def found(audit, kind):
    return [finding.text for finding in audit.findings if finding.kind == kind]


def run(*words, **environment):
    return CliRunner().invoke(app, ["audit", *words], env=environment, prog_name="holdfast")


# Secrets


@pytest.mark.parametrize(("kind", "secret"), [(kind, one) for kind, listed in SECRETS.items() for one in listed])
def test_a_secret_is_found_and_not_shown(kind, secret, audited):
    audit = audited(f"By the way, {secret} is what I use")
    assert [(finding.kind, finding.note) for finding in audit.findings] == [("secret", kind)]
    assert found(audit, "secret") == [f"By the way, [{kind}] is what I use"]
    assert audit.serious


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("my wifi password is hunter2", "hunter2"),
        ("My password is swordfish.", "swordfish"),
        ("The bank passcode: tulip-tree", "tulip-tree"),
        ("password = 'correct horse'", "correct"),
        ("I changed my password for the bank to Tr0ub4dor&3", "Tr0ub4dor&3"),
        ("Das Passwort ist Sommer2026", "Sommer2026"),
        ("My PIN is 4821", "4821"),
        ("The card is 4111 1111 1111 1111 02/30", "1111 1111"),
        ("postgres://ana:opensesame@db.example/main", "opensesame"),
        ("my api key: 9f8e7d6c5b4a3f2e1d", "9f8e7d6c5b4a3f2e1d"),
        ("Authorization: Bearer 9f8e7d6c5b4a3f2e1d", "9f8e7d6c5b4a3f2e1d"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA " + "PRIVATE KEY-----", "MIIEow"),
    ],
)
def test_values_named_like_secrets_are_secrets(text, secret):
    assert find_secrets(text)
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password again",
        "My password is too weak",
        "The password is wrong.",
        "I use a password manager",
        "Call me on +49 170 1234567 or 0170 1234567",
        "The order number is 4111 1111 1111 1112",
        "The parcel is 12345678901234",
        "I was born in 1984 and moved on 2026-05-01",
        "The pin fell off my jacket",
        "https://example.org/a:b@c is a link",
        "I'd like to sk-ip the meeting",
    ],
)
def test_text_that_resembles_a_secret_is_not_reported(text):
    assert find_secrets(text) == []
    assert redact(text) == text


@given(st.text(max_size=60), st.sampled_from(list(itertools.chain(*SECRETS.values()))), st.text(max_size=60))
def test_a_secret_in_any_surroundings_is_not_shown(before, secret, after):
    assert secret not in redact(f"{before} {secret} {after}")


@given(st.text(alphabet="password: is =sk-4 19a\n", max_size=200))
def test_redaction_leaves_no_part_of_a_secret(text):
    for one in find_secrets(text):
        assert 0 <= one.start < one.end <= len(text)
    spans = [(one.start, one.end) for one in find_secrets(text)]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_secret_in_the_metadata_or_in_an_expired_memory_is_found():
    with memory_for_tests() as memory:
        memory.add("The billing account", user_id="ana", infer=False, metadata={"login": "sk-" + LETTERS})
        memory.add("My PIN is 4821", user_id="ana", infer=False, expiration_date="2020-01-01")
        audit = run_audit(memory, {}, probes=0)
    assert audit.counts["secret"] == 2
    assert LETTERS not in json.dumps(audit.to_json())


# Contradictions and stale memories


def test_two_values_of_one_property_are_a_contradiction(audited):
    audit = audited(("I live in Rome", "2026-05-01"), ("Lives in Bari", "2026-05-20"), ("I like tea", "2026-05-21"))
    (finding,) = audit.findings
    assert (finding.kind, finding.text) == ("contradiction", "I live in Rome")
    assert finding.note == f"home: rome here, bari in {finding.other}"
    assert audit.serious


def test_a_memory_contradicted_much_later_is_stale(audited):
    audit = audited(("I live in Rome", "2025-05-01"), ("I live in Bari", "2026-05-20"))
    assert found(audit, "stale") == ["I live in Rome"]
    assert not audit.serious


@pytest.mark.parametrize(
    "sentences",
    [
        ("I live in Rome", "I live in Rome"),
        ("I live in Rome", "My sister lives in Bari"),
        ("I work as an engineer", "I work as a software engineer"),
        ("I like tea", "I like coffee"),
        ("I live in Rome", "I no longer live in Bari"),
    ],
)
def test_statements_that_can_both_be_true_are_not_a_contradiction(sentences, audited):
    audit = audited(*sentences)
    assert not found(audit, "contradiction")
    assert not found(audit, "stale")


def test_an_ended_state_contradicts_one_that_continues(audited):
    assert found(audited("I live in Rome", "I no longer live in Rome"), "contradiction") == ["I live in Rome"]


def test_two_speakers_and_two_users_do_not_contradict_or_repeat_each_other():
    with memory_for_tests() as memory:
        sentences = [{"role": "user", "name": name, "content": f"I live in {town}"} for name, town in TOWNS.items()]
        memory.add(sentences, user_id="family", infer=False)
        for name, town in TOWNS.items():
            memory.add(f"I live in {town}", user_id=name, infer=False)
            memory.add("I play the cello", user_id=name, infer=False)
        assert run_audit(memory, {}, probes=0).findings == []


TOWNS = {"Ida": "Rome", "Tom": "Bari"}


def test_an_updated_memory_has_no_findings():
    with memory_for_tests() as memory:
        memory.add("I live in Rome", user_id="ana", timestamp="2025-01-01")
        memory.add("I live in Bari", user_id="ana", timestamp="2026-01-01")
        audit = run_audit(memory, {"user_id": "ana"}, probes=10)
    assert (audit.memories, audit.findings, audit.score, audit.serious) == (1, [], 100.0, False)


# Duplicates and junk


def test_equal_texts_are_duplicates_and_similar_ones_near_duplicates(audited):
    audit = audited(
        ("I'm allergic to peanuts", "2026-05-01"),
        ("i'm allergic to  Peanuts.", "2026-05-02"),
        ("User is allergic to peanuts", "2026-05-03"),
        ("I'm allergic to walnuts", "2026-05-04"),
    )
    assert found(audit, "duplicate") == ["i'm allergic to  Peanuts."]
    assert found(audit, "near-duplicate") == ["User is allergic to peanuts"]
    assert audit.findings[0].other != audit.findings[0].id


@pytest.mark.parametrize(
    "sentences",
    [
        ("The gate of the school opens at 10:40 on weekdays", "The gate of the school opens at 11:40 on weekdays"),
        ("I would go hiking with Tom in the Alps again", "I would never go hiking with Tom in the Alps again"),
        ("我喜欢在早上喝绿茶", "我喜欢在晚上读小说"),
    ],
)
def test_texts_that_differ_in_a_number_a_negation_or_most_words_are_not_duplicates(sentences, audited):
    assert audited(*sentences).findings == []


def test_near_duplicates_are_found_in_unspaced_languages(audited):
    sentences = ("我每天早上喜欢喝一杯热绿茶再去上班", "我每天早上喜欢喝一杯热绿茶再去上班吧")
    assert found(audited(*sentences), "near-duplicate") == [sentences[1]]


@given(st.lists(st.sampled_from("red green blue tea cello boat hen garden Graz".split()), min_size=6, max_size=9))
def test_one_added_word_in_five_or_more_is_a_near_duplicate(words):
    with memory_for_tests() as memory:
        one = " ".join(words)
        memory.add([{"role": "user", "content": text} for text in (one, f"{one} violin")], user_id="ana", infer=False)
        audit = run_audit(memory, {"user_id": "ana"}, probes=0)
    assert audit.counts["near-duplicate"] == (len(set(words)) >= 4)


@pytest.mark.parametrize(
    "text",
    ["ok", "Thanks!", "Hello there", "ok, thanks. bye!", "👍", "cello", "N/A", "null", "test test", "Lorem ipsum dolor",
     "As an AI language model, I cannot do that.", "How can I help you today?", "No new facts found.", '{"facts": []}',
     "User says hello", "You are a helpful assistant."],
)  # fmt: skip
def test_text_without_content_is_junk(text, audited):
    audit = audited(text)
    assert found(audit, "junk") == [text]
    assert not audit.serious


@pytest.mark.parametrize("text", ["Likes tea", "绿茶好喝", "No sugar, please", "I am a cook", "Nice is in France"])
def test_a_short_memory_with_content_is_not_junk(text, audited):
    assert audited(text).findings == []


def test_documents_are_only_checked_for_secrets():
    with memory_for_tests() as memory:
        documents = ["Thanks!", "I live in Rome", "I live in Bari", "thanks!", "My PIN is 4821"]
        memory.put([{"memory_id": f"d{place}", "text": text} for place, text in enumerate(documents)], app_id="shop")
        audit = run_audit(memory, {"app_id": "shop"}, probes=10)
    assert [(finding.kind, finding.id) for finding in audit.findings] == [("secret", "d4")]
    assert (audit.probed, audit.found) == (5, 5)


# Self-retrieval and the score


def test_every_memory_is_found_by_its_own_text(audited):
    audit = audited("I play the cello", "My sister lives in Graz", "👍", "the of and", "Ich trinke gern Tee", probes=10)
    assert (audit.probed, audit.found) == (5, 5)


def test_a_memory_that_its_own_text_does_not_find_is_serious(audited):
    orders = [" ".join(order) for order in itertools.permutations("tea milk honey lemon".split())]
    audit = audited(*orders, probes=100)
    assert audit.probed == len(orders)
    assert audit.found == audit.probed - audit.counts["unfindable"] < 0.95 * audit.probed
    assert audit.serious


def test_probes_are_a_fixed_sample():
    with memory_for_tests() as memory:
        for number in range(12):
            memory.add(f"I own boat number {number}", user_id="ana", infer=False)
        tally = []
        audits = [run_audit(memory, {}, probes=5, on_probe=lambda: tally.append(1)) for _ in range(2)]
    assert audits[0] == audits[1]
    assert (audits[0].probed, len(tally)) == (5, 10)


def test_the_score_equals_a_plain_computation(audited):
    audit = audited("I play the cello", "I play the cello!", "ok", "My PIN is 4821 and that is it")
    assert audit.score == 100 * (1 - (0.0 + 0.5 + 0.5 + 1.0) / 4)


# The command


def test_an_intact_store_is_exit_code_0_and_not_changed(path):
    with Memory(path) as memory:
        memory.add("I live in Rome and I play the cello", user_id="ana")
        before = memory.get_all(user_id="ana")
    result = run("--path", path, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["score"], document["serious"], document["findings"]) == (100.0, False, [])
    assert document["probes"] == {"asked": document["memories"], "found": document["memories"]}
    with Memory(path) as memory:
        assert memory.get_all(user_id="ana") == before


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm-256color"}])
def test_a_serious_finding_is_exit_code_1_and_hides_the_secret(environment, path):
    with Memory(path) as memory:
        (added,) = memory.add("My PIN is 4821", user_id="ana", infer=False)["results"]
        for number in range(12):
            memory.add(f"ok{'!' * number}", user_id="ana", infer=False)
    result = run("--path", path, **environment)
    assert result.exit_code == 1
    assert added["id"] in result.stdout
    assert "My PIN is [PIN]" in result.stdout
    assert "4821" not in result.output
    assert ("--json shows all" in result.stdout) == bool(environment)


def test_only_the_scope_is_audited(path):
    with Memory(path) as memory:
        memory.add("My PIN is 4821", user_id="ben", infer=False)
        memory.add("I play the cello", user_id="ana", infer=False)
    assert run("--path", path, "--user-id", "ana").exit_code == 0
    assert run("--path", path, "--user-id", "ben").exit_code == 1
    assert run("--path", path).exit_code == 1


def test_an_empty_store_is_exit_code_1(path):
    Memory(path).close()
    result = run("--path", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no memories to audit" in result.stderr
    assert json.loads(run("--path", path, "--json").stdout)["score"] is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--path", "nowhere.db"], 1, "there is no store at nowhere.db"),
        (["--probes", "-1"], 2, "--probes"),
        (["--user-id", " "], 2, "user_id is blank"),
    ],
)
def test_invalid_input_is_one_clear_line(words, code, says, path):
    Memory(path).close()
    result = run(*(words if "--path" in words else [*words, "--path", path]))
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
