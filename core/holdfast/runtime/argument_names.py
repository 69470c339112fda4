"""Say which parameter is meant when a verb is called with a name it does not have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from holdfast.errors import UnknownArgument, short_repr

_OTHER_NAMES = {
    "user_id": "user uid username owner customer customerid",
    "agent_id": "agent agentname assistant assistantid bot",
    "run_id": "run session sessionid thread threadid conversation conversationid chat chatid",
    "app_id": "app application applicationid appname project projectid org orgid tenant tenantid namespace",
    "actor_id": "actor speaker name",
    "memory_id": "id memory memoryuuid uuid key",
    "messages": "data text content message memory input conversation turns texts memories value fact",
    "query": "text q question message messages input data searchquery content querytext",
    "text": "newtext content memory value message newmemory messages newdata",
    "documents": "docs texts items data document",
    "memories": "ids memoryids items updates data",
    "filters": "filter where conditions",
    "limit": "k n top topn nresults maxresults size count numresults",
    "metadata": "meta metadatas custommetadata extra tags",
    "threshold": "minscore scorethreshold similaritythreshold minsimilarity relevancethreshold cutoff",
    "timestamp": "time date createdat when datetime happenedat",
    "expiration_date": "expires expiresat expiry ttl expiration",
    "infer": "inference extract",
    "prompt": "instructions custominstructions systemprompt customprompt",
    "max_tokens": "tokens tokenlimit budget maxlength limit",
    "show_expired": "includeexpired expired",
    "keyword_search": "keyword keywords hybrid",
    "attributed_to": "role author attribution",
    "before": "olderthan until",
    "version": "number versionnumber",
}
_MEANINGS = {(parameter, other) for parameter, others in _OTHER_NAMES.items() for other in others.split()}


def check_names(verb: str, parameters: Sequence[str], given: int, names: Collection[str], *, by_position: int) -> None:
    """Check that a verb can be called with these arguments.

    Args:
        verb: Its name.
        parameters: The names of its parameters, in order.
        given: The number of arguments without a name.
        names: The names of the others.
        by_position: How many parameters can be given without a name.

    Raises:
        UnknownArgument: The verb has no such parameter, or it must be given by name.
    """
    if given > by_position:
        first = ", ".join(parameters[:by_position]) or "nothing"
        example = f": name the others, as in {parameters[by_position]}=..." if len(parameters) > by_position else ""
        raise UnknownArgument(f"{verb} takes {first} without a name, {given} arguments have none{example}")
    for name in names:
        if name not in parameters:
            meant = _find_meant(name, [one for one in parameters[given:] if one not in names])
            way_out = f"use {meant}" if meant else f"it has {', '.join(parameters) or 'none'}"
            raise UnknownArgument(f"{verb} has no parameter {short_repr(name)}: {way_out}")


def _find_meant(name: str, parameters: Sequence[str]) -> str | None:
    """Return the parameter that is meant by `name`, `None` if that is not clear."""
    folded = name.lower().replace("_", "").replace("-", "")
    for parameter in parameters:
        if parameter.replace("_", "") == folded or (parameter, folded) in _MEANINGS:
            return parameter
    close = get_close_matches(name.lower(), parameters, n=1, cutoff=0.75)
    return close[0] if close else None
