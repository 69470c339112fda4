"""Measure how well questions find the turns that answer them."""
