"""A memory as agents use it: bound to one scope, and as tools a model can call."""
