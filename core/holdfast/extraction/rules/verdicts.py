"""What a sentence is: something to remember, or one of the many things people say besides."""

from __future__ import annotations

import re
from collections.abc import Collection

from holdfast.extraction.rules.english import SELF, WORD, expanded, is_foreign, starts, vocabulary
from holdfast.extraction.rules.notes import in_third_person, is_personal, own_words
from holdfast.extraction.rules.reported import reason_against
from holdfast.extraction.rules.slots import slots_of
from holdfast.extraction.rules.subjects import CUSTOMERS, about

KEPT = ""
"""The verdict on a sentence worth remembering; every other verdict is the reason it is not."""


_BE = "(?:is|are|was|were|am)"
_VERY = r"(?:(?:so|very|really|super|truly|just|also|quite|all|doing|feeling|pretty|always|totally|completely) )*"

_EXPLICIT = re.compile(
    r"(?:(?:can|could|will|would) you )?(?:please |pls )?(?:remember|note|keep in mind|bear in mind|do(?: not"
    r"|n['\u2019]t) forget|be aware|make a note)(?: (?:that|this|the following))?(?:[:,] | (?!to\b|when\b|me\b|how\b"
    r"|it\b|you\b|what\b|the time\b))",
    re.IGNORECASE,
)
_INSTRUCTION = starts(
    r"""
    (?:please )?(?:always|never|from now on|going forward|in (?:the )?future,?|by default|whenever (?:i|you|we))
    (?:please )?(?:you can |you may )?(?:just )?(?:call|address) me(?! (?:a|an|back|later|tomorrow|when|if|maybe)\b)
    (?:please )?(?:answer|reply|respond|write|speak|talk|address)(?: to)?(?: me| us)?(?: back)?(?: only
        | always)? in (?:\w+ ){0,2}(?:metric|imperial|english|german|french|spanish|italian|portuguese|dutch|polish
        |swedish|turkish|japanese|chinese|korean|bullet points?|bullets|short|simple|plain|full|lower ?case)
    (?:please )?(?:keep|make) (?:your|the|all|all your) (?:answers?|repl(?:y|ies)|responses?|explanations?|messages?
        |tone|code)
    (?:please )?(?:keep|make) (?:it|them|things) (?:short|brief|simple|concise|formal|casual|to the point)
    (?:please )?(?:use|stick to|stick with|prefer) (?:only )?(?:metric|imperial|celsius|fahrenheit|british|american
        |formal|informal|simple|plain|bullet|bullets|24|12|iso|my|kilometers|kilometres|miles|dark mode|euros?
        |dollars?|they|she|he)
    (?:please )?(?:do not|stop|avoid|no more) (?:ever )?(?:us(?:e|ing)|call(?:ing)?|giv(?:e|ing)|send(?:ing)?
        |includ(?:e|ing)|mention(?:ing)?|add(?:ing)?|writ(?:e|ing)|suggest(?:ing)?|recommend(?:ing)?|show(?:ing)?
        |ask(?:ing)?|schedul(?:e|ing)|book(?:ing)?|address(?:ing)?|jargon|emojis?|contact(?:ing)?)
    (?:please )?(?:forget|delete|erase) (?:that (?:i|we|my|our)|my|our|what i (?:said|told you)|everything (?:about
        |i (?:said|told)))
    my pronouns are
    """
)
_QUESTION = starts(
    r"""
    (?:what|who|whom|where|why|how|which|whose|when)(?: exactly| else| the \w+)? (?:is|are|was|were|do|does|did|can
        |could|should|would|will|have|has|about|might)
    how (?:to|come|many|much|long|often|far|old|big|well|good|bad)
    what (?:to|if|kind|sort|type|time|day|size|colou?r|else|happens|happened|makes)
    wh(?:y not|ich of|ich one|at's|o's)
    (?:do|does|did|can|could|would|will|should|have|has|had|is|are|was|were|am|may|might|shall|is not|are not|do not
        |can not) (?:i|you|we|they|he|she|it|there|this|that|these|those|your|my|the|anyone|anybody|someone|somebody)
    any (?:ideas?|tips?|suggestions?|thoughts|recommendations?|advice|plans|chance|other|news|luck)
    (?:i|we) (?:(?:am|was|were|are|have been|do|still|just|often|always|sometimes) )*(?:wonder|wondering)
    (?:i|we) (?:just )?(?:would (?:like|love)|want|wanted|need|am trying|was hoping) to (?:know|ask|find out
        |understand (?:how|why|what)|hear|check if|see (?:if|whether|how|what))
    (?:i|we) (?:am|are|was) (?:\w+ )?curious (?:about|how|if|whether|what|why|to know)
    (?:i|we) (?:have|had|got|have got) (?:a|another|one|one more|some|two|a few|a quick
        |another quick) (?:\w+ )?questions?
    (?:my|our|the|a|another|next|one) (?:\w+ )?question (?:is|was|for you)
    (?:i|we) (?:am|are) not sure (?:how|what|if|whether|which|why|where|when)
    (?:i|we) (?:do|did) not (?:know|understand|get|see|remember) (?:how|what|if|whether|which|why|where|when|who)
    (?:question|quick question)
    """
)
_REQUEST = starts(
    r"""
    (?:now |then |next |maybe |kindly |just |first |again )*(?:please|pls|plz|kindly)
    (?:now |then |next |just |first |quickly )*(?:write|explain|give|tell|show|make|list|find|translate|summari[sz]e
        |create|generate|fix|help|compare|describe|suggest|recommend|draft|check|calculate|compute|convert|define
        |rewrite|rephrase|proofread|shorten|send|book|set|add|remove|update|search|look|google|play|sing|draw|design
        |plan|order|remind|let|try|go|take|use|put|read|open|close|turn|run|implement|refactor|debug|sort|format|print
        |return|continue|repeat|keep|stop|wait|start|pretend|act|roleplay|imagine you|consider|think|note|remember
        |forget|include|avoid|be|do|do not|come|bring|share|pick|choose|say|analy[sz]e|review|improve|edit|correct
        |schedule|cancel|reserve|call|text|email|elaborate|expand|simplify|outline|provide|solve|build|name|walk|guide
        |teach|ask|answer|reply|respond|speak|see|watch|enjoy|hang|stay|believe|trust|save|store|change|swap|replace
        |delete|drop|skip|hurry|cheer|rock|follow|check out|dig|reach|feel free)
    (?:i|we) (?:(?:also|just|really|would|will|do) )*(?:need|want|like|love|want|ask|asked|expect)(?: for)? you to
    (?:i|we) (?:(?:also|just|really|would|will|could|currently) )*(?:need|want|like|use|appreciate|love)(?: to (?:get
        |have|see))? (?:(?:a|an|some|any|your|the|more|another|few|quick|little|bit of|good|short|simple) )*(?:help
        |advice|assistance|tips?|ideas?|suggestions?|recommendations?|recipe|recipes|poem|summary|example|examples
        |list|script|function|regex|code|template|explanation|feedback|opinion|thoughts|second opinion|information
        |info)
    (?:i|we) (?:am|are|was|were) (?:(?:also|just|currently|still) )*looking for (?:(?:a|an|some|any|your|the|more|good
        |new|quick|nice|easy|cheap) )*(?:\w+ )?(?:help|advice|tips?|ideas?|suggestions?|recommendations?|recipes?|poem
        |summary|examples?|list|script|template|gift|restaurant|book|movie|way|something|place|tool|library)
    (?:i|we) (?:have|need|want|am trying|are trying|tried|was trying) (?:to )?(?:write|implement|parse|debug|fix
        |install|compile|run|sort|convert|calculate|compute) (?:a|an|the|this|my|some|it|numpy|python)
    (?:let us|shall we|your turn|your task|you are an? (?:\w+ )?(?:assistant|expert|model|bot))
    (?:help|hand|ideas|recommendations|suggestions) (?:me|us|with|for|please)
    """
)
_ACKNOWLEDGEMENT = starts(
    rf"""
    (?:many )?(?:thanks|thank you|thx|cheers|congrats|congratulations|kudos|well done|good job|great job|nice work
        |bravo)
    (?:you are|you're) (?:\w+ )?(?:welcome|right|amazing|awesome|the best|so kind|kind|great|inspiring|an inspiration)
    (?:i|we) (?:{_VERY})(?:see|understand|understood|get|appreciate|promise)(?=[,.!]|$| (?:it|that|this|you|your
        |the point
        |what|how|why|where)\b)
    (?:i|we) (?:{_VERY})(?:agree|bet|hear you|got it|got you|feel you|second that|know right|feel that|am with you
        |am in[,.!]
        |am here for you|am rooting)
    (?:i|we) (?:\w+ )?(?:could|can) not (?:have )?(?:agree|said it|thank)
    (?:i|we) (?:\w+ )?know (?:what you|how you|exactly|that feeling|the feeling|you (?:can|will|are)|it|right)
    (?:i|we) (?:{_VERY})(?:hope|trust|know|bet|believe|wish) (?:that )?(?:you|your|it|this|that|everything|things|so
        |all|the best)
    (?:i|we) (?:believe in|wish|love|miss|envy|admire|respect|support|salute|owe) you
    (?:i|we) (?:{_VERY})(?:love|like|enjoy|dig|enjoyed|loved|liked|admire|want|need) (?:it|that|this|them|your|those
        |these|the (?:photo|picture|pic|idea|sound))(?! (?:when|if|because|\w+ing))
    (?:i|we) {_BE} {_VERY}(?:glad|happy|sorry|excited|thrilled|proud|delighted|pleased|grateful|thankful|impressed
        |stoked|inspired|jealous|amazed|touched|honored|honoured|moved|pumped)(?! (?:to (?:be|have|start|join|announce
        |share|finally|say|tell)|that (?:i|my|we)|about (?:my|our|starting|getting|moving)|because i|with my|of my))
    (?:i|we) (?:can|could) (?:{_VERY})(?:imagine|see|tell|relate|feel|not imagine|not believe|understand
        |not wait)(?! to (?:start|move|go|visit|try|meet my|show|get|become|have|marry|play|perform|open))
    (?:i|we) (?:{_VERY})(?:look|am looking|looking) forward to (?:it|that|this|hearing|your|seeing (?:you|it|what))
    (?:i|we) (?:can|could|will) (?:do (?:it|this|that)|try (?:it|that)|check (?:it|that|them)|give (?:it|that|them)
        |keep (?:you|that|it)|let you|take (?:a look|that|your)|definitely|look (?:it|into)|think about (?:it|that)
        |be (?:fine|okay|ok|sure|there))
    (?:that|this|it|those|these|they|what|which|everything)(?: all)? (?:(?:is|are|was|were|does|did|must|would|will
        |could|has|have|really|definitely|totally|also|just|been|be|sure|all|so|such|a|an|the|very|quite|too|pretty
        |kind of) )*(?:great|nice|awesome|cool|amazing|lovely|perfect|wonderful|fantastic|good|helpful|interesting
        |funny|fine|true|right|correct|it|all|enough|fun|sounds?|looks?|makes? sense|helps?|helped|works?|worked|worth
        |inspiring|beautiful|gorgeous|incredible|impressive|sweet|touching|tough|hard|rough|sad|crazy|wild|brilliant
        |the (?:best|spirit|one|way|idea)|key|important|special|super)
    (?:sounds?|looks?|seems?|feels?|makes?|works?) (?:\w+ )?(?:great|good|nice|like|fun|awesome|amazing|perfect
        |fantastic|cool|sense|lovely|delicious|fine|for me)
    (?:so|how|very|really|too|super|pretty|absolutely|what (?:a|an)) (?:\w+ )?(?:great|nice|awesome|cool|amazing
        |lovely|perfect|wonderful|fantastic|good|kind|sweet|fun|funny|true|happy|glad|proud|sorry|cute|beautiful
        |gorgeous|bad|day|time|story|idea|photo|picture|shot|view)
    (?:glad|happy|sorry|good|great|nice|lovely|so glad|so happy|so sorry|pleased|excited|proud|delighted
        |thrilled) (?:to|you|that|for|of|it|i|we)
    (?:i|we) (?:am|are|will|will always|am always|are always)(?: be)? (?:always )?here (?:to|for|with)
    (?:(?:i|we) (?:will|am going to|are going to|have to|must|should|need to|got to) |going to |let us )(?:keep|never
        |definitely|always) (?:going|pushing|fighting|chasing|it|up|at|moving|give up|trying|working|rocking|growing
        |learning|you|appreciate)
    (?:can not wait|appreciate|miss|love|wish|proud|thankful|grateful|congrats|hope|hoping|wishing|sending
        |keep)(?: (?:to|for|you|it|that|this|your|the|of|so|things|all|some|going|up))
    (?:my (?:pleasure|bad|mistake|apologies|god|goodness|condolences|thoughts are)|our pleasure)
    (?:got it|noted|understood|will do|same here|me too|me neither|same|likewise|exactly|fair enough|good (?:luck
        |point|call|question|idea|one)|for sure|of course|no (?:problem|worries|need|way|doubt|idea|kidding)
        |never mind|nevermind|not (?:really|yet|at all|bad|sure|much)|all good|all set|yes (?:please|i (?:do|am|did
        |have|will|can)|it (?:is|was))|no (?:i (?:do|am|did|have|will|can)|it (?:is|was)))
    i (?:really |certainly |sure )?(?:do|did|am|was|have|had|will|would|can|could)(?: not)?(?: too| thanks
        | so)?[,.!]*$
    (?:i am|i'm|we are) (?:{_VERY})(?:good|fine|well|ok|okay|great|alright|all right|all set|not bad
        |all ears)(?:,? (?:and|thanks|thank|today|now|how|so|here|too)\b|[,.!]*$)
    """
)
_GREETING = starts(
    r"""
    (?:hey+|hi+|hello|howdy|greetings|good (?:morning|afternoon|evening|night)|bye|goodbye|see (?:you|ya)|take care
        |talk (?:to you )?(?:soon|later)|later|cheers|welcome|happy (?:birthday|new year|holidays|easter|friday
        |weekend)|merry christmas|long time no|have (?:a|an|fun)|catch you|until next|sleep well|sweet dreams
        |good to (?:see|hear|talk|have|be back)|(?:it is|it was|so|really) (?:so |really |always )?(?:good|great|nice
        |lovely) (?:to (?:see|hear|meet|talk|chat|catch)|seeing|hearing|meeting|talking|chatting|catching)|(?:great
        |nice|lovely|pleased) (?:to (?:see|hear|meet|talk|chat|catch)|seeing|hearing|meeting|talking|chatting
        |catching)|i hope you are|how are|how is it|what is up|nice to)
    (?:i|we) (?:\w+ )?(?:missed|miss) (?:you|talking|chatting|our)
    (?:i|we) (?:will|shall|should|must|have to|need to|got to|have got to|better) (?:talk|chat|catch up|see you|speak
        |be back|be right back|be off|say bye|sign off|get going|run)
    """
)
_UNCERTAIN = starts(
    r"""
    (?:i|we) (?:really |honestly |still |just )?(?:do|did|would) not (?:really |even |actually |exactly )?(?:know
        |remember|recall|have (?:a clue|any idea|an opinion)|care)(?! (?:for|about))
    (?:i|we) (?:am|are|was) (?:\w+ )?(?:not|un)(?: (?:so|really|very|too|quite|entirely|completely|totally
        |100%))? ?(?:sure|certain)
    (?:i|we) (?:guess|suppose|presume|assume)
    (?:i|we) (?:have|had|got) (?:absolutely )?no (?:idea|clue|opinion|preference)
    (?:i|we) (?:do|did) not (?:really |quite )?(?:get|understand|catch|follow) (?:it|that|this|you|what)
    (?:i|we) can not (?:\w+ )?(?:remember|recall|say|tell|decide)
    (?:i|we) (?:can|could) be wrong
    (?:i|we) doubt
    (?:maybe|perhaps|possibly|probably|not sure|who knows|no idea|it depends|hard to say|dunno|idk)
    """
)
_HYPOTHETICAL = starts(
    r"""
    if (?:only )?(?:i|we|my|our|you|he|she|it|they|there|someone|somebody|people)(?: \w+)? (?:were|was|had|could|won
        |would|lived|did|owned|knew|became|got|worked)
    (?:imagine|suppose|supposing|let us (?:say|assume|pretend|imagine)|assume|assuming|say|hypothetically|in theory
        |what if|pretend)
    (?:i|we) (?:\w+ )?wish (?:i|we|my|our|it|there|that|things|people)
    (?:i|we) (?:\w+ )?(?:would|could|should|might) (?:\w+ )?(?:not )?have
    had (?:i|we)
    """
)
_HYPOTHETICAL_TAIL = re.compile(
    r"\b(?:i|we) (?:\w+ )?(?:would|could|might)\b.* if (?:i|we|my|our|it|you|they|there) (?:were|was|had|could|won"
    r"|lived)\b"
)
_PASSING = starts(
    rf"""
    (?:i|we) (?:am|are|feel|am feeling|are feeling|was|got) {_VERY}(?:hungry|tired|bored|sleepy|thirsty|busy|late|back
        |here|lost|confused|stuck|ready|done|sick of|exhausted|starving|listening|kidding|joking|just kidding
        |at (?:work|home|the office|the airport) (?:right )?(?:now|today)|on my way|about to|afraid (?:i|so
        |not))(?:[,.!]|$| (?:now|today|right now|at the moment|with (?:this|that|it)|to go|and|so|after|because|but
        |for (?:today|now)|from|about|in traffic|i))
    (?:i|we) (?:have|need|got|have got|had better|should|must|better) (?:to )?(?:go|run|leave|head|get going|get back
        |dash|be off|sleep)(?: (?:now|soon|back|off|out|to (?:bed|sleep|work|the)|home|in))?(?:[,.!]*$)
    (?:i|we) (?:will|shall) (?:be (?:right )?back|think about|let you|see|try|do|check|keep you|get back|give (?:it
        |that|them)|definitely (?:try|check|do|give|keep)|have to (?:try|check)|look into)
    (?:i|we) (?:just |already )?(?:tried|did|ran|used|typed|clicked|pressed|copied|pasted) (?:that|it|this|what you
        |your)
    (?:i|we) (?:just |still |keep )?(?:get|got|getting|see|am getting|am seeing) (?:an?|the|this|that|these|some
        |another)? ?(?:\w+ )?(?:error|exception|traceback|warning|message)
    (?:i|we) (?:mean|said|was saying|meant) (?:it|that|what)
    (?:here (?:is|are|you)|there you|as follows|see (?:below|above|attached))
    """
)
_GENERAL = re.compile(
    r"(?!he\b|she\b|they\b)(?:(?:the|an?|all|most|some|every|each|many|no) [^!]*$|[\w'-]+ (?:[\w'-]+ ){0,5}?(?:is|are"
    r"|means|refers|consists?|contains?|lies|equals|boils|occurs|causes?|began|ended|became"
    r"|(?:was|were) (?:an?|the|born|built|written|\w+ed))\b[^!]*$)"
)
_IMPERSONAL_SUBJECT = vocabulary(
    "you your yours it that this there these those they them what here nothing everything something"
)
_OWN = vocabulary("i my we our mine i'm")
_NAMED = re.compile(r"(?-i:[A-Z])[\w'-]{1,30}(?: (?-i:[A-Z])[\w'-]{1,30})? ")
_PERSONAL_VERB = re.compile(
    r"[A-Z][\w'-]{1,30}(?: [A-Z][\w'-]{1,30})? (?:(?:now|also|still|just|really) )?(?:lives (?:in|with|near)"
    r"|works (?:at|for|as|in)|loves|likes|hates|dislikes|plays|studies|prefers|moved|got married|is (?:allergic|my"
    r"|our)|was my|speaks|wants|needs|stays|turned|had (?:an?|the) (?:\w+ )?(?:baby|girl|boy|son|daughter|operation"
    r"|surgery|accident|party|birthday|stroke))\b"
)
_NOT_NAMES = vocabulary("the a an this that it he she they everyone everybody someone nobody people who one")
_ELLIPTIC = re.compile(
    r"(?:(?:just|finally|recently|already|also|currently|still) )*(?:got|moved|started|finished|bought|became|went"
    r"|had|been|joined|adopted|quit|turned|passed|graduated|won|broke|signed|booked|planning to|thinking (?:of"
    r"|about)|working (?:on|at|as)|living in|learning|studying|training for|born in|allergic to) (?!it\b|you\b"
    r"|that\b|this\b)\w+ \w"
)
_SOMEBODY = re.compile(r"(?:(?P<they>they)|she|he) ", re.IGNORECASE)
_SURNAME = re.compile(r"^[A-Z][\w'-]{1,30} ")
_TRADE = re.compile(r"(?:wants|ordered|bought|purchased|cancell?ed|returned|complained|paid) \w")
# Not "he", which is "I have" in Spanish.
_ENGLISH_OPENING = SELF | vocabulary("she her his she's he's")
_ASSISTANT_OFFER = starts(
    r"""
    (?:i|we) (?:can|could|would|should|may|might|do not have|have no|am (?:an ai|happy|glad|sorry|here|unable|not able
        |just|only a|afraid)|hope|understand|apologi[sz]e|see|recommend you|suggest)
    """
)
_FEWEST_LETTERS = 4


def explicit(sentence: str) -> str:
    """Return what `sentence` asks to be remembered (`Remember that ...`), empty when it asks nothing like it."""
    found = _EXPLICIT.match(sentence)
    rest = sentence[found.end() :] if found else ""
    return rest[:1].upper() + rest[1:] if len(rest.split()) > 1 and not rest.endswith("?") else ""


def verdict(
    sentence: str,
    *,
    names: Collection[str] = (),
    speaker: str | None = None,
    assistant: bool = False,
    nobody_known: bool = True,
) -> str:
    """Return `KEPT` or the reason why `sentence` is not worth remembering.

    Args:
        sentence: One sentence or clause, its openers removed.
        names: Lower-case names of people and animals the speaker has told of.
        speaker: The name of who says it, by which notes about them may call them.
        assistant: Whether the assistant says it; then only what it says of itself and promises counts.
        nobody_known: Whether the speaker has told of nobody yet; then a `they` may be the user of a note.
    """
    if sentence.rstrip("\"'”\u2019)*_! ").endswith(("?", "\uff1f", "\u061f", "?!")):
        return "question"
    written = expanded(sentence)
    told = written if assistant else own_words(written, speaker=speaker)
    plain = _outside_quotes(told).lower()
    words = WORD.findall(plain)
    if words and words[0] not in _ENGLISH_OPENING and is_foreign(sentence, words):
        return _verdict_on_foreign(sentence, words)
    if len(words) < _FEWEST_WORDS:
        return "quoted" if len(WORD.findall(sentence)) >= _FEWEST_WORDS else "fragment"
    reason = reason_against(plain) if told != written else ""
    reason = reason or next((reason for reason, pattern in _TABLE if pattern.match(plain)), "")
    if assistant:
        return _verdict_on_assistant(plain, words) if reason in {"", _INSTRUCTS} else reason
    if reason:
        return KEPT if reason == _INSTRUCTS else reason
    return _verdict_on_subject(sentence, plain, words, names, nobody_known=nobody_known)


_FEWEST_WORDS = 2
_INSTRUCTS = "instruction"
_TABLE = (
    (_INSTRUCTS, _INSTRUCTION),
    ("question", _QUESTION),
    ("hypothetical", _HYPOTHETICAL),
    ("hypothetical", _HYPOTHETICAL_TAIL),
    ("greeting", _GREETING),
    ("acknowledgement", _ACKNOWLEDGEMENT),
    ("uncertain", _UNCERTAIN),
    ("request", _REQUEST),
    ("passing", _PASSING),
)


def _verdict_on_foreign(sentence: str, words: list[str]) -> str:
    letters = sum(map(str.isalpha, sentence))
    # Chinese, Japanese and Thai set no blanks between words.
    enough = len(words) > _FEWEST_WORDS or (letters >= _FEWEST_LETTERS and not sentence.isascii())
    return KEPT if enough else "fragment"


def _verdict_on_assistant(plain: str, words: list[str]) -> str:
    if words[0] not in _OWN:
        return "impersonal"
    return "offer" if _ASSISTANT_OFFER.match(plain) else KEPT


def _verdict_on_subject(
    sentence: str, plain: str, words: list[str], names: Collection[str], *, nobody_known: bool
) -> str:
    first = words[0]
    of_self = not SELF.isdisjoint(words)
    if not of_self and _is_told_of_somebody(sentence, nobody_known=nobody_known):
        return KEPT
    if first in _IMPERSONAL_SUBJECT:
        return KEPT if of_self and not _OWN.isdisjoint(words[1:]) and first not in {"you", "your"} else "impersonal"
    if of_self or _ELLIPTIC.match(plain):
        return KEPT
    if first.removesuffix("'s") in names or (first not in _NOT_NAMES and _PERSONAL_VERB.match(sentence)):
        return KEPT
    if first == "the" and slots_of(sentence):
        return KEPT
    return "general knowledge" if _GENERAL.match(plain) else "impersonal"


def _is_told_of_somebody(sentence: str, *, nobody_known: bool) -> bool:
    """Tell whether a note says something personal of a customer, of somebody by name or of the one it is about."""
    written = expanded(sentence)
    if found := _SOMEBODY.match(written):
        predicate = written[found.end() :]
        return nobody_known and is_personal(in_third_person(predicate) if found["they"] else predicate)
    who = about(written)
    if who is None or who.subject.name in _NOT_NAMES or who.subject.relation not in ("", *CUSTOMERS):
        return False
    if who.owned:
        return bool(slots_of(sentence))
    predicate = _SURNAME.sub("", who.predicate)
    return is_personal(predicate) or bool(who.subject.relation and _TRADE.match(predicate))


def _outside_quotes(sentence: str) -> str:
    if '"' in sentence or "“" in sentence:
        parts = re.split(r'["“”]', sentence)
        return " ".join(parts[::2]) if len(parts) % 2 else sentence
    return sentence
