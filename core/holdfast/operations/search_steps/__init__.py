"""The steps of `search`: rank the candidates, rerank the best."""
