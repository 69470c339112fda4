"""From conversation to facts, and from facts to decisions: pure functions, no input or output."""
