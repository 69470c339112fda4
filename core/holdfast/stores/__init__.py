"""Where memories are kept: one protocol, one package per database."""
