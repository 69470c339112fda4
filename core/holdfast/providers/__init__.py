"""Chat models, embedders and rerankers, one file per SDK."""
