from .attributes import (
    Attribute as Attribute,
    attributes_of as attributes_of,
)
from .extractor import (
    SentenceExplanation as SentenceExplanation,
    explain as explain,
    extract as extract,
)
from .language import (
    Language as Language,
    Rule as Rule,
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
    answers_in as answers_in,
    attributes_asked as attributes_asked,
    people_asked as people_asked,
    without_user as without_user,
)
from .reconciler import (
    contradicted as contradicted,
    ends_something as ends_something,
    reconcile as reconcile,
)
from .words import (
    content_words as content_words,
    is_function_word as is_function_word,
)
