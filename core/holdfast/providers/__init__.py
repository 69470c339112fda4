"""Chat models, embedders and rerankers: one file per SDK, and the registry that builds them by name."""
