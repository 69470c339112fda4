"""How memories are found and ranked: pure functions on words and numbers."""
