"""Measuring retrieval on conversations whose questions name the turns that answer them."""
