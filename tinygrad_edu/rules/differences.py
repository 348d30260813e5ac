"""Differences, integrals, convolutions and interpolation: sampled functions, linear in their samples."""
