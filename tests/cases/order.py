"""Cases for sorting and order statistics."""

CASES = {}
