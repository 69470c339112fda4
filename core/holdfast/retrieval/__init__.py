"""What a text is found by, and how candidates are scored: pure functions, no input or output."""
