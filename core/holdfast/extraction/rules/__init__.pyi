from .attributes import (
    Attribute as Attribute,
)
from .attributes import (
    attributes_of as attributes_of,
)
from .extractor import (
    SentenceExplanation as SentenceExplanation,
)
from .extractor import (
    explain as explain,
)
from .extractor import (
    extract as extract,
)
from .language import (
    Language as Language,
)
from .language import (
    Rule as Rule,
)
from .language import (
    load_language as load_language,
)
from .people import (
    Subject as Subject,
)
from .profile import (
    profile_kind as profile_kind,
)
from .questions import (
    answers_asked as answers_asked,
)
from .questions import (
    answers_in as answers_in,
)
from .questions import (
    attributes_asked as attributes_asked,
)
from .questions import (
    people_asked as people_asked,
)
from .questions import (
    without_user as without_user,
)
from .reconciler import (
    ends_something as ends_something,
)
from .reconciler import (
    reconcile as reconcile,
)
from .words import (
    is_function_word as is_function_word,
)

__all__ = [
    "Attribute",
    "Language",
    "Rule",
    "SentenceExplanation",
    "Subject",
    "answers_asked",
    "answers_in",
    "attributes_asked",
    "attributes_of",
    "ends_something",
    "explain",
    "extract",
    "is_function_word",
    "load_language",
    "people_asked",
    "profile_kind",
    "reconcile",
    "without_user",
]
