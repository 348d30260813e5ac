"""Cases for differences, integrals and interpolation."""

CASES = {}
