from .parse import (
    parse_decisions as parse_decisions,
    parse_facts as parse_facts,
    parse_ratings as parse_ratings,
    parse_relevant as parse_relevant,
)
