"""Damage: what `doctor` finds in a file, row by row, and how it is repaired."""
