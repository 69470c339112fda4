"""An open memory at work: its engines, store and index, and the two drivers that carry out its operations."""
