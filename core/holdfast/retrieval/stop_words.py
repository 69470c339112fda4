"""English words that carry no subject, the question words among them.

Leaving the question words in costs five points of recall: "when did Ana move" must not match on "when" and "did".
"""

from __future__ import annotations

_ARTICLES_AND_PRONOUNS = """
a an the this that these those here there i me my mine myself we us our ours ourselves you your yours yourself
yourselves he him his himself she her hers herself it its itself they them their theirs themselves one
someone somebody something anyone anybody anything everyone everybody everything nobody nothing each other
"""
_AUXILIARIES = """
am is are was were be been being do does did doing done don have has had having can could might must shall
should will would wo ca ain aren couldn didn doesn hadn hasn haven isn mightn mustn needn shan shouldn wasn weren
wouldn get gets got let lets
"""
_CONNECTIVES = """
and or but nor so yet if then else than because as until while of at by for with about against between into
through during before after above below to from up down in out on off over under again once also too very just
only own same such both few more most some any all no not though although since per via
"""
_QUESTION_WORDS = "who whom whose what which when where why how ever many much often long kind type"
_FILLERS = """
yes yeah yep ok okay oh hey hi hello well really actually please thanks thank wow hmm lol haha etc s t m d ll re ve
"""

STOP_WORDS = frozenset(f"{_ARTICLES_AND_PRONOUNS} {_AUXILIARIES} {_CONNECTIVES} {_QUESTION_WORDS} {_FILLERS}".split())
