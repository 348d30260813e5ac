"""Cases for the cross entropy of yes and no."""

from strategies import binary

from tinygrad_edu.engine.rules import entropies

CASES = {entropies.binary_entropy: binary(entropies.binary_entropy, low=0.1, high=0.9)}
