"""The steps of `add`: extract facts, find similar memories, reconcile, apply."""
