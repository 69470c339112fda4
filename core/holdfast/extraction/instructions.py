"""Which words of a user's turn are an instruction of their own.

An instruction is followed in every later conversation, so only words that a user says for themselves may become one.
Quotations, pastes, letters, transcripts, reported speech and role play in a user's turn are somebody else's words. The
checks err on the safe side: what is wrongly taken for a quotation is still a memory, only not an instruction.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from holdfast.extraction import rules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_TURN = 8_000  # characters; more is a paste
_LONGEST_INSTRUCTION = 500  # characters
_LONGEST_REQUEST = 100  # characters
_LONGEST_GREETING = 60  # characters of a line that begins or ends a letter
_LINES_AFTER_CLOSING = 4  # a name, an office, a telephone
_FEWEST_WORDS = 2  # of the user's own, outside quotation marks

_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"  # Thai, Lao, Khmer, kana, Chinese characters
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_SENTENCE = re.compile(
    r"(?:[^.!?。！？؟।\n]|[.!?](?![.!?]*[\"'”’»)\]]*(?:\s|$)))+[.!?。！？؟।]*[\"'”’»)\]]*|[.!?。！？؟।]+|\n"
)
_BLANK = re.compile(r"\s+")

# Lines that somebody else wrote, and lines after which somebody else writes.
# "Hello Ana," and not the "Hello," or "Hi there," with which a user addresses an assistant.
_ADDRESSED = re.compile(
    r"\w[\s.]+(?!(?:there|all|assistant|bot|claude|chatgpt|gpt|gemini)\b)\w[\w .'’-]*[,，:]$", re.IGNORECASE
)
_CODE_FENCE = re.compile(r"\s*(?:`{3,}|~{3,}|\"{3,})")
_QUOTED_LINE = re.compile(r"\s*(?:[>|│{}\[\]]|<[!/?a-z]|[-+]{3}\s|\d{4}-\d\d-\d\d[ t]\d\d:\d\d)", re.IGNORECASE)
_HEADER_FIELDS = """from to cc subject date sent von an betreff datum gesendet de para asunto fecha objet da oggetto
assunto от кому тема 发件人 收件人 主题 件名 差出人"""
_FORWARDS = """forwarded message|original message|weitergeleitete nachricht|message transféré|mensaje reenviado
|messaggio inoltrato|mensagem encaminhada|пересылаемое сообщение|转发"""
_PASTE_BEGINS = re.compile(
    rf"\s*(?:#{{1,6}}\s|(?P<ruler>[-=*_#~])(?P=ruler){{2,}}\s*$|(?:{'|'.join(_HEADER_FIELDS.split())})\s*[:：]\s*\S"
    rf"|[-_>*\s]*(?:begin )?(?:{_FORWARDS.replace(chr(10), '')})|.{{0,200}}\bwrote:\s*$)",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-z][\w:.-]*(?:\s[^<>]{0,300})?/?>", re.IGNORECASE)
_CHAT_TOKEN = re.compile(r"<\||\|>|\[/?INST\]|<<SYS>>|\bBEGIN\b.{0,40}\bPROMPT\b", re.IGNORECASE)

_COLON = re.compile(r"(?<!\d):(?=[\s\"'“‘«„「『`(]|$)|：")
_QUOTATION_MARKS = ("“”", "„“", "„”", "«»", "»«", "‹›", "「」", "『』", '""', "``")
_QUOTATION = re.compile(
    "|".join(f"{start}[^{start}{end}]*(?:{end}|$)" for start, end in map(tuple, _QUOTATION_MARKS))
    + r"|(?<!\w)‘[^’]*(?:’(?!\w)|$)|(?<!\w)'[^'\n]{3,}?'(?!\w)"
)
_INTRODUCTION = re.compile(
    r"\b(?:here is|here's|here are|see below|below is|the following|this is the|hier ist|voici|aquí (?:está|tienes)"
    r"|ecco|aqui está|вот)\b|这是|以下是|これは",
    re.IGNORECASE,
)
_POINTER = re.compile(
    r"\b(?:this|these|following|diesen?|dieser|dieses|cet|cette|ces|est[ea]|estos|estas|quest[oa]|это|этот|эту)\b|这|この",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|wenn|falls|si|quand|lorsque|cuando|se|quando|если|когда|als|jeśli|gdy)\b[^.!?]*$",
    re.IGNORECASE,
)
_WHAT = re.compile(r"(?<!that's )(?<!that is )(?<!this is )(?<!it's )\bwhat\b[^.!?,;:]*$", re.IGNORECASE)
_PASSIVE = re.compile(r"\b(?:was|were|been|got|being|wurde|wurden|été|fui|sono|foi)\b", re.IGNORECASE)
_CLAUSE_BREAK = re.compile(r"[,;:，；：、–—(]|\s-\s")
_STOP = re.compile(r"[^\w\s,;:]*")


def find_instruction(claim: str, turn: str) -> str | None:
    """Return the words of `turn` that are the instruction `claim`, `None` when the speaker gives no such instruction.

    Args:
        claim: What may be an instruction: words of the turn, or a paraphrase of them (English only).
        turn: What a user said.

    Returns:
        The instruction word for word, spaces normalised. It is longer than `claim` where `claim` begins within a
        clause, and another sentence of the turn where `claim` is a paraphrase of that sentence.

    >>> find_instruction("answer in French", "Hi! Please answer in French.")
    'answer in French'
    >>> find_instruction("always pay E", 'My boss wrote: "always pay E"')
    >>> find_instruction("Wants replies in French", "Please reply in French. I like tea.")
    'Please reply in French.'
    """
    if len(turn) > _LONGEST_TURN or len(claim) > _LONGEST_INSTRUCTION or is_fiction(turn):
        return None
    sentences = [one for one in _own_sentences(turn) if not _is_material(one)]
    parts = [part for part in _SENTENCE.findall(claim) if part.strip()]
    quoted = [next((found for one in sentences if (found := _quoted_in(part, one))), None) for part in parts]
    if quoted and None not in quoted:
        return " ".join(part for part in quoted if part)
    return _sentence_like(claim, sentences)


def asks_in_other_language(text: str) -> bool:
    """Return whether a short sentence asks how to be answered or addressed, by how it begins; not for English.

    >>> asks_in_other_language("Antworte bitte immer auf Deutsch."), asks_in_other_language("Ich wohne in Bonn.")
    (True, False)
    """
    return (
        len(text) <= _LONGEST_REQUEST
        and not text.rstrip(" .!").endswith(("?", "？"))
        and _COLON.search(text) is None
        and bool(_words("treat_me").match(_without_fillers(text)))
    )


def is_fiction(turn: str) -> bool:
    """Return whether `turn` starts a role play or a story: what is said in it, and after it, is not meant.

    >>> is_fiction("Let's role-play: you are a bank clerk.")
    True
    """
    return bool(_words("fiction").search(turn))


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a turn outside of pasted blocks.

    Attributes:
        text: Its words.
        quoted: The spans of it that stand between quotation marks.
    """

    text: str
    quoted: tuple[tuple[int, int], ...]

    def without_quotes(self) -> str:
        """Return the text with a blank for each quotation."""
        parts, end = [], 0
        for start, stop in self.quoted:
            parts.append(self.text[end:start])
            end = stop
        return " ".join([*parts, self.text[end:]])


def _own_sentences(turn: str) -> Iterator[_Sentence]:
    """Yield the sentences that the speaker says; a request to work on a text ends them, as the text follows."""
    for block in _own_blocks(turn):
        # Quotations may run over several sentences, so they are found first.
        spans = [found.span() for found in _QUOTATION.finditer(block)]
        for found in _split_sentences(block, spans):
            start, stop = found
            inside = tuple((max(a, start) - start, min(b, stop) - start) for a, b in spans if a < stop and b > start)
            sentence = _Sentence(block[start:stop], inside)
            own, is_cut = _before_paste(sentence)
            if own.text.strip():
                yield own
            if (
                is_cut
                or _asks_for_work(own.text)
                or _introduces(own.text, new_line=block[stop : stop + 1] in ("\n", ""))
            ):
                return


def _split_sentences(block: str, quoted: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the places of the sentences of `block`; none ends within quotation marks."""
    start = 0
    spans = iter(quoted)
    span = next(spans, None)
    for found in _SENTENCE.finditer(block):
        end = found.end()
        while span is not None and span[1] <= end:
            span = next(spans, None)
        if span is not None and span[0] < end < span[1]:
            continue
        if block[start:end].strip():
            yield start, end
        start = end
    if block[start:].strip():
        yield start, len(block)


def _own_blocks(turn: str) -> Iterator[str]:
    """Yield runs of lines without code, quoted lines, letters, markup, and what follows a mail header or a ruler."""
    if _CHAT_TOKEN.search(turn) or _is_letter(turn):
        return
    lines: list[str] = []
    fenced = False
    for line in turn.splitlines():
        if _CODE_FENCE.match(line):
            fenced = not fenced
        elif fenced or _QUOTED_LINE.match(line):
            pass
        elif _PASTE_BEGINS.match(line):
            break
        elif tag := _TAG.search(line):
            lines.append(line[: tag.start()])
            break
        else:
            lines.append(line)
            continue
        if lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _is_letter(turn: str) -> bool:
    """Return whether a line greets somebody, and a later one, before a name or the end, takes leave."""
    lines = [line.strip() for line in turn.splitlines() if line.strip()]
    begins = [
        place
        for place, line in enumerate(lines)
        if _words("salutations").match(line) and _ADDRESSED.search(line) and len(line) <= _LONGEST_GREETING
    ]
    ends = [
        place for place, line in enumerate(lines) if _words("closings").match(line) and len(line) <= _LONGEST_GREETING
    ]
    return bool(begins and ends) and begins[0] < ends[-1] and len(lines) - ends[-1] <= _LINES_AFTER_CLOSING


def _before_paste(sentence: _Sentence) -> tuple[_Sentence, bool]:
    """Return the part of a sentence before a colon that introduces somebody else's words, and whether there is one."""
    for colon in _COLON.finditer(sentence.text):
        if any(start <= colon.start() < stop for start, stop in sentence.quoted):
            continue
        lead = sentence.text[: colon.start()]
        if not _announces(lead):
            return _Sentence(lead, tuple(span for span in sentence.quoted if span[1] <= len(lead))), True
    return sentence, False


def _announces(lead: str) -> bool:
    """Return whether the words before a colon announce something of the speaker's own."""
    plain = _words("lasting").sub(" ", lead)
    if _words("sources").search(plain) or _reports(plain) or _words("tasks").match(_without_fillers(plain)):
        return False
    return bool(_words("announcements").search(lead))


def _introduces(sentence: str, *, new_line: bool) -> bool:
    """Return whether a sentence shows a text that follows: "Here is the mail", or "Check this mail." and a new line."""
    if not _words("sources").search(sentence):
        return False
    return bool(_INTRODUCTION.search(sentence) or (new_line and _POINTER.search(sentence)))


def _asks_for_work(sentence: str) -> bool:
    plain = _without_fillers(sentence)
    if not _words("tasks").match(plain) or _words("lasting").search(plain):
        return False
    return rules.profile_kind(plain) != "instruction"


def _without_fillers(text: str) -> str:
    rest = text.lstrip(" \t\n,;-–—•*")
    while found := _words("fillers").match(rest):
        rest = rest[found.end() :].lstrip(" ,!.-–—")
    return rest


def _is_material(sentence: _Sentence) -> bool:
    """Return whether a sentence asks something, or reports what others say."""
    plain = sentence.without_quotes()
    asks = sentence.text.rstrip("\"'”’»)] \n").endswith(("?", "？", "؟"))
    if asks and not _words("polite").match(_without_fillers(plain)):
        return True
    return _asks_for_work(plain) or _reports(plain)


def _reports(text: str) -> bool:
    """Return whether `text` reports what others say: with a verb that neither the speaker nor a condition governs."""
    for found in _words("reports").finditer(text):
        before = text[max(0, found.start() - 60) : found.start()]
        if found[0].lower() in ("saying", "telling") and _words("negations").search(before[-12:]):
            continue  # "Stop saying ..."
        if _CONDITION.search(before) or _is_named_only(before, text[found.end() :]):
            continue
        clause = _CLAUSE_BREAK.split(before)[-1].split()[-3:]
        spoken = any(_words("speakers").fullmatch(word.strip("'’").lower()) for word in clause)
        if not spoken or _PASSIVE.search(" ".join(clause)):
            return True
    return False


def _is_named_only(before: str, after: str) -> bool:
    """Return whether what others say is spoken of and not repeated: "Never tell me what my doctor said"."""
    return bool(_WHAT.search(before)) and not after.strip(" .!?\n")


def _quoted_in(claim: str, sentence: _Sentence) -> str | None:
    """Return `claim` as it stands in the sentence outside of quotation marks, from the start of its clause."""
    letters, places = _letters(sentence.text)
    wanted, _ = _letters(claim)
    start = letters.find(wanted) if wanted else -1
    while start >= 0:
        first, last = places[start], places[start + len(wanted) - 1]
        if _is_word(sentence.text, first, last) and not _within_quotes(sentence, first, last):
            ends_with_stop = not claim.rstrip()[-1].isalnum()
            return _from_clause_start(sentence, first, last, with_stop=ends_with_stop)
        start = letters.find(wanted, start + 1)
    return None


def _letters(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits of `text` without case, and the place of each."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for one in unicodedata.normalize("NFKC", character).casefold():
            if one.isalnum() or unicodedata.combining(one):
                letters.append(one)
                places.append(place)
    return "".join(letters), places


def _is_word(text: str, first: int, last: int) -> bool:
    """Return whether `text[first:last + 1]` begins and ends at word boundaries."""
    return _parts(text[first - 1 : first + 1]) and _parts(text[last : last + 2])


def _parts(pair: str) -> bool:
    return len(pair) < 2 or not (pair[0].isalnum() and pair[1].isalnum()) or bool(_UNSPACED_CHARACTER.search(pair))  # noqa: PLR2004


def _within_quotes(sentence: _Sentence, first: int, last: int) -> bool:
    """Return whether the words are quoted: they start in a quotation, or hardly any of them is outside of one."""
    if any(start <= first < stop for start, stop in sentence.quoted):
        return True
    spans = [(start, stop) for start, stop in sentence.quoted if start <= last]
    outside = sentence.text[first : spans[0][0]] if spans else sentence.text[first : last + 1]
    words = len(outside.split()) + len(_UNSPACED_CHARACTER.findall(outside)) // 2
    return bool(spans) and words < _FEWEST_WORDS


def _from_clause_start(sentence: _Sentence, first: int, last: int, *, with_stop: bool) -> str | None:
    """Return the words, from the start of the sentence when something in their clause stands before them."""
    before = sentence.text[:first]
    clause = _CLAUSE_BREAK.split(before)[-1]
    end = last + 1
    if with_stop:
        end += len(_STOP.match(sentence.text[end:])[0])  # type: ignore[index]
    starts_clause = not _without_fillers(clause + " ").strip()
    if not starts_clause and _words("sources").search(clause):
        return None  # "My boss makes me ..."
    # "Never do this: ..." says the opposite of what follows.
    starts_clause = starts_clause and not _words("negations").search(before)
    found = sentence.text[first:end] if starts_clause else sentence.text[:end]
    return _BLANK.sub(" ", found).strip(" \n\t-*•\"'“”") or None


def _sentence_like(claim: str, sentences: list[_Sentence]) -> str | None:
    """Return the instruction among the sentences that shares most content words with its paraphrase `claim`."""
    wanted = rules.content_words(claim)
    best, most = None, 0
    for sentence in sentences:
        text = _BLANK.sub(" ", sentence.text).strip()
        shared = len(wanted & rules.content_words(text))
        if (
            shared > most
            and len(text) <= _LONGEST_INSTRUCTION
            and rules.profile_kind(_without_fillers(text)) == "instruction"
        ):
            best, most = text, shared
    return best


@functools.cache
def _words(name: str) -> re.Pattern[str]:
    """Return the pattern of one list of words."""
    entries = [one.replace("_", " ") for one in _lists()[name].split()]
    anywhere = [one for one in entries if _UNSPACED_CHARACTER.search(one)]
    whole = sorted({one for one in entries if not _UNSPACED_CHARACTER.search(one)}, key=len, reverse=True)
    alternatives = "|".join(re.escape(one).replace(r"\ ", r"\s+").replace("'", "['’]") for one in whole)
    pattern = rf"(?<![\w'’])(?:{alternatives})(?![\w'’])"
    if anywhere:
        pattern = "|".join([pattern, *map(re.escape, sorted(anywhere, key=len, reverse=True))])
    return re.compile(f"(?:{pattern})", re.IGNORECASE)


@functools.cache
def _lists() -> dict[str, str]:
    text = files("holdfast.extraction").joinpath("instructions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
