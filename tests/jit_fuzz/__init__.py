"""Random programs as users write them, from a seed: `writing` writes their text, `running` runs and compares them."""
