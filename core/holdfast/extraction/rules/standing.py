"""Which facts hold until further notice: who somebody is, how they like things, how they want to be treated.

Questions of quite other subjects need them ("recommend a restaurant": the allergy), so no search finds them. What
happened, is planned or passes is none of them. English, by the form of the statement.
"""

from __future__ import annotations

import re

from holdfast.extraction.rules.english import expanded
from holdfast.extraction.rules.notes import own_words
from holdfast.extraction.rules.slots import slots_of
from holdfast.extraction.rules.subjects import SPEAKER
from holdfast.records import ProfileKind

_LONGEST = 500  # characters of a statement that are looked at
_PEOPLE = (
    "wife|husband|spouse|partner|fiancee?|girlfriend|boyfriend|sons?|daughters?|kids?|child(?:ren)?|baby|twins|brothers?"
    "|sisters?|siblings?|mother|father|mum|mom|dad|parents?|grandm\\w+|grandf\\w+|grandsons?|granddaughters?|cousins?"
    "|dogs?|cats?|pets?|puppy|kittens?|parrots?|rabbits?|horses?|hens"
)
_HEALTH = "allerg(?:y|ies)|diabetes|asthma|epilepsy|adhd|autism|dyslexia|arthritis|migraines?"
_DIET = "vegetarian|vegan|pescatarian|gluten free|lactose intolerant|c(?:o)?eliac|kosher|halal|teetotal"


def _begins(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


_INSTRUCTION = _begins(
    r"""
    (?:please\s+)?(?:
        (?:always|never|do\ not|stop|avoid|make\ sure|from\ now\ on)\b
      | (?:call|address|remind)\ me\b
      | (?:answer|reply|respond|speak|talk|write|explain)\ (?:to\ me\ )?(?:in|with|without|as|briefly|formally)\b
      | (?:be|stay)\ (?:brief|concise|formal|polite|honest|direct)\b
      | keep\ (?:it|your|all|the)\b
    )
  | when(?:ever)?\ you\ (?:answer|reply|write|speak|talk|suggest|recommend|explain)
  | i\ (?:do\ not\ )?(?:want|need|expect|ask|would\ like)\ (?:you|the\ assistant|(?:\w+\ ){0,2}?
        (?:answers?|replies|responses?|explanations?)|to\ be\ (?:called|addressed))\b
  | i\ asked\ (?:you\ |the\ assistant\ )?(?:to|not\ to)\ (?:always|never|answer|reply|use|avoid|call|keep|be)\b
    """
)
_PREFERENCE = _begins(
    r"""
    (?:my\ |our\ )?favou?rite\b .{1,80}? \b(?:is|are)\b
  | avoids\b
  | (?:i|we)\ (?:also\ |really\ |usually\ |generally\ |mostly\ )?(?:
        (?:prefer|dislike|loathe|adore|avoid|would\ rather|cannot\ stand)\b
      | (?:like|love|hate|enjoy)\ (?!(?:this|that|it|you|him|her|them|how|when|what)\b)
      | do\ not\ (?:like|enjoy|care\ for|drink|eat|use)\b
      | (?:never|always|usually|rarely)\ (?:eat|drink|use|buy|wear|take|order|fly|travel|read|work)\b
      | am\ (?:not\ )?(?:fond\ of|keen\ on|into|a\ (?:big\ |huge\ )?fan\ of|passionate\ about|interested\ in)\b
    )
    """
)
_PROFILE = _begins(
    rf"""
    (?:i|we)\ (?:also\ |still\ |now\ |currently\ )?(?:
        (?:am|are)\ (?:allergic|diabetic|asthmatic|deaf|blind|colou?r.?blind|left.handed|married|engaged|single|divorced
            |widowed|retired|unemployed|self.employed|pregnant|bilingual|from|originally|based|fluent|called
            |{_DIET}|\d{{1,3}}(?:\ years)?(?:\ old)?\.?$)
      | (?:am|are)\ an?\ (?!(?:bit|little|lot|few|good|bad|great|nice)\b)(?:\w+\ ){{0,3}}
            (?:\w+(?:er|or|ist|ian|ant|ent|man|woman)|nurse|chef|cook|clerk|coach|judge|pilot|vet|mum|mom|dad|{_DIET})\b
      | (?:have|own|have\ got)\ (?:an?\ |no\ |\w+\ ){{0,2}}(?:{_PEOPLE}|{_HEALTH})\b
      | (?:work|live|study|speak|commute|suffer)\b
      | was\ born\b
      | play\ (?:the|in)\b
    )
  | (?:(?:my|our)\ (?:\w+\ ){{0,2}})?(?:name|pronouns?|age|birthday|home\ ?town|address|time\ ?zone|nationality
        |language|tongue|job|occupation|profession|employer|religion|diet|size|height|{_PEOPLE}|{_HEALTH})\b .{{0,40}}?
        \b(?:is|are|has|have|lives?|works?)\b
    """
)

# An appointment passes, and of an opinion the verb says whether it is of this one thing.
_PASSING = re.compile(r"opinion of |.* date$")


def standing_of(text: str, *, speaker: str | None = None) -> ProfileKind | None:
    """Return what kind of standing fact `text` tells, `None` when it tells none.

    Args:
        text: A fact, as its speaker says it ("I prefer tea") or as it is noted ("Prefers tea", "The user prefers tea").
        speaker: The name of who said it; "Ana prefers tea" is then about Ana herself.
    """
    said = own_words(expanded(" ".join(text[:_LONGEST].split())), speaker=speaker)
    if _INSTRUCTION.match(said):
        return "instruction"
    if _PREFERENCE.match(said):
        return "preference"
    if _PROFILE.match(said):
        return "profile"
    own = [slot.property for slot in slots_of(text, speaker=speaker) if slot.subject == SPEAKER]
    return "profile" if any(not _PASSING.match(name) for name in own) else None
