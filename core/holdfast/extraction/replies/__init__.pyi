from .parse import (
    parse_decisions as parse_decisions,
)
from .parse import (
    parse_facts as parse_facts,
)
from .parse import (
    parse_ratings as parse_ratings,
)
from .parse import (
    parse_relevant as parse_relevant,
)

__all__ = ["parse_decisions", "parse_facts", "parse_ratings", "parse_relevant"]
