"""What notes tell that is no lasting statement: of the talk itself, and of "the user" of a program."""

from __future__ import annotations

import re
from functools import cache

from holdfast.extraction.rules.english import starts


def reason_against(told: str) -> str:
    """Return the reason why a note is not worth remembering, empty when nothing speaks against it.

    Args:
        told: What it says in the user's own words (see `own_words`), in lower case.
    """
    return next((reason for reason, pattern in _reasons() if pattern.match(told)), "")


_QUOTING = r"i (?:said|say|wrote|replied|responded|answered)[ ,:.]*$"
_GREETING = r"""
    i (?:just |only )?(?:said|say|sent|offered) (?:a )?(?:hi|hello|hey|bye|goodbye|good (?:morning|afternoon|evening
        |night)|farewell|greetings?)
    i (?:greet|greeted|waved|introduced myself)(?! to)
"""
_QUESTION = r"""
    i (?:(?:am|was|have|has|also|just|then) )*(?:ask|asked|asking|inquired?|inquiring|enquired?
        |enquiring|wondered|want to|wanted to|would like to|posed?) (?:the assistant |the agent |me |you )?(?:about|if
        |whether|how|what|why|when|where|who|which|know|(?:a |some |another |the )?questions?)
"""
_REQUEST = r"""
    i (?:(?:am|was|have|also|just|then) )*(?:ask|asked|asking) (?:the assistant |the agent |me |you )?(?:for|to(?! (?:be
        |always|never|reply|respond|answer|speak|use|keep|call|address|stop|avoid|remember)\b))
    i (?:(?:am|was|have|also|just|then) )*(?:request|requested|requesting|seek|seeking|sought) (?:help|assistance|advice
        |information|support|(?:an?|the|some|more|another) (?:\w+ )?(?:summary|list|explanation|examples?|poem|recipe
        |translation|joke|story|code|script|overview|details|information|help))
"""
_ACKNOWLEDGEMENT = r"""
    i (?:just )?(?:thank|thanked|appreciated?|acknowledged?) (?:the (?:assistant|agent|help|answer|response)|me|you|it)
    i (?:just )?(?:said|say) (?:thanks|thank you|okay|ok|yes|no|sure)
    i (?:just )?(?:agreed?|disagreed?)(?= with (?:the assistant|the agent|me|you|that|this|it)\b|[.!]*$)
"""
_GUESS = "i (?:may|might|could) (?:also |be |have |like|prefer|want|enjoy|benefit|need|find)"
_SOFTWARE = r"""
    i (?:(?:can|must|should|then|will|has to|have to) )*(?:click|press|tap|select|submit|scroll|navigate|upload|hover
        |am (?:redirected|prompted|shown|logged|asked|authenticated))(?:ed|ped|ted|s)?
    i (?:(?:can|must|should|then|will|can not) )*(?:log|logged|sign|signed) (?:in|out|on|up)
    i (?:(?:can|must|should|then|will|can not) )*(?:see|sees|receive|received|enter|entered|type|typed|open|opened
        |choose) (?:the|an?|my) (?:\w+ )?(?:page|screen|dashboard|message|error|list|form|button|result|password
        |username|code|query|token|notification|menu|dialog|app|file|field|input|text|prompt)
    i (?:must|should|shall) be
    i am (?:the|an?|any) (?:person|someone|individual|human|entity|one|end user)
    i (?:started?|began|begin|ended?|initiated|opened|continued?|joined) (?:the|this|an?|another) (?:new )?(?:chat
        |conversation|session|discussion)
    i (?:do|did|have) not (?:yet )?(?:provided?|specif(?:y|ied)|mention(?:ed)?|shared?|stated?|respond(?:ed)?
        |answer(?:ed)?|repl(?:y|ied)|ask(?:ed)?)
"""


@cache
def _reasons() -> tuple[tuple[str, re.Pattern[str]], ...]:
    # Compiled with the first note: most conversations hold none.
    return tuple((reason, starts(alternatives)) for reason, alternatives in _ALTERNATIVES)


_ALTERNATIVES = (
    ("quoted", _QUOTING),
    ("greeting", _GREETING),
    ("question", _QUESTION),
    ("request", _REQUEST),
    ("acknowledgement", _ACKNOWLEDGEMENT),
    ("uncertain", _GUESS),
    ("general knowledge", _SOFTWARE),
)
