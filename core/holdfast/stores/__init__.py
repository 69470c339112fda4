"""Where memories are stored: the `Store` protocol, and one package per database."""
