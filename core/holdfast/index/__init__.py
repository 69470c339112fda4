"""The search index in memory, derived from the store."""
