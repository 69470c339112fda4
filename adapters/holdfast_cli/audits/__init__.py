"""What may be wrong with what a memory holds."""
