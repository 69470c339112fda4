"""Find what is wrong with the memories of a store."""
