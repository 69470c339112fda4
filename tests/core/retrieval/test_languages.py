"""Memories keep their language and are found in it without a model.

The files in `languages/` are our own: twenty memories and ten questions each, which inflect the words they ask for.
"""

import json
import unicodedata
from pathlib import Path

import pytest

from holdfast import Memory
from holdfast.retrieval.tokenize import detect_language, stem_words

LANGUAGES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("languages").glob("*.json"))
}


@pytest.fixture
def memory():
    with Memory(":memory:", llm="rules", embedder="hashing") as memory:
        yield memory


def ranks(memory, language):
    """Return for each question the rank of the memory that answers it."""
    language_set = LANGUAGES[language]
    messages = [{"role": "user", "content": text} for text in language_set["memories"]]
    memory.add(messages, user_id=language, infer=False)
    for asked in language_set["questions"]:
        found = memory.search(asked["question"], user_id=language, limit=len(messages))["results"]
        order = [item["memory"] for item in found]
        yield from (order.index(language_set["memories"][answer]) + 1 for answer in asked["answers"])


def share(ranks, most):
    return 100 * sum(rank <= most for rank in ranks) / len(ranks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_finds_its_answer(memory, language):
    assert share(list(ranks(memory, language)), 5) >= 80


def test_over_all_languages_most_answers_rank_first(memory):
    by_language = {language: list(ranks(memory, language)) for language in LANGUAGES}
    every = [rank for found in by_language.values() for rank in found]
    for language, found in [*by_language.items(), ("all", every)]:
        print(f"{language:10} recall@5 {share(found, 5):5.1f}  recall@1 {share(found, 1):5.1f}")  # noqa: T201
    assert share(every, 5) >= 95
    assert share(every, 1) >= 90


@pytest.mark.parametrize("infer", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_stored_memories_keep_their_language_and_text(memory, language, infer):
    language_set = LANGUAGES[language]["memories"]
    result = memory.add([{"role": "user", "content": text} for text in language_set], user_id="u", infer=infer)
    assert [item["memory"] for item in result["results"]] == language_set
    assert {item["event"] for item in result["results"]} == {"ADD"}


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("Meine Schwestern wohnten in alten Häusern", "Wo hat die Schwester ein altes Haus?", 3),
        ("Mis hermanas trabajaban en hospitales", "¿Dónde trabaja mi hermana, en qué hospital?", 3),
        ("Ils chantaient de vieilles chansons", "Qui chante une vieille chanson ?", 3),
        ("Le mie sorelle lavoravano negli ospedali", "Dove lavora mia sorella, in quale ospedale?", 3),
        ("A minha irmã trabalhava em hospitais", "Em que hospital trabalha a minha irmã?", 2),
        ("Mijn zussen hebben kleine hondjes", "Welk hondje heeft mijn zus?", 2),
        ("Мои сёстры работали в больницах", "В какой больнице работает моя сестра?", 2),
        ("Έχω δύο σκύλους", "ο σκύλος", 1),
        ("الطبيبات في المستشفيات", "طبيبة المستشفى", 1),
        ("मेरी लड़कियाँ अस्पतालों में काम करती हैं", "लड़की किस अस्पताल में है?", 2),
        ("猫を二匹飼っている", "飼い猫は何匹?", 3),
        ("我养了一只猫", "猫吃什么?", 1),
    ],
)
def test_inflections_of_a_word_are_one_term(one, other, common):
    assert len(set(stem_words(one)) & set(stem_words(other))) >= common


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café Ünïcode", unicodedata.normalize("NFD", "café Ünïcode")),
        ("CAFÉ", "cafe"),
        ("¿Qué día es la clase de cerámica?", "que dia es la clase de ceramica"),
        ("Straße", "STRASSE"),
        ("iphone 15", "\uff49\uff30\uff48\uff4f\uff4e\uff45 \uff11\uff15"),
        ("عُودًا قَديمًا", "عودا قديما"),
        ("أحمد إبراهيم", "احمد ابراهيم"),
        ("جمــــيل", "جميل"),
        ("٢٠٢٣", "2023"),
        ("हफ़्ते ज़रूर", "हफ्ते जरूर"),
        ("मूँगफली", "मूंगफली"),
        ("l'appartement", "l\u2019appartement"),
        ("ｶﾒﾗ", "カメラ"),
        ("한국어", unicodedata.normalize("NFD", "한국어")),
    ],
)
def test_spellings_of_a_word_are_one_term(one, other):
    assert stem_words(one) == stem_words(other) != []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("wo wohnt meine schwester", "german"),
        ("mi hermana vive en la ciudad", "spanish"),
        ("mes enfants sont dans le jardin", "french"),
        ("mia sorella non mangia la carne", "italian"),
        ("não gosto muito de café", "portuguese"),
        ("ik heb een kleine hond", "dutch"),
        ("mia and dan met their son in los angeles", "english"),
        ("we want to come by car plus a van", "english"),
        ("die hard", "english"),
        ("peanuts", "english"),
        ("", "english"),
    ],
)
def test_a_language_is_detected_by_its_function_words(text, language):
    assert detect_language(text.split()) == language


@pytest.mark.parametrize(
    "question",
    ["Wo bist du?", "¿Dónde estás?", "Où êtes-vous ?", "Где он?", "أين هو؟", "वह कौन है?", "谁在那", "Who are you?"],
)
def test_question_words_have_no_terms(question):
    assert stem_words(question) == []
