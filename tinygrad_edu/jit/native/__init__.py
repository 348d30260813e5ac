"""The C backend: a recorded step as C, compiled and loaded.

`polynomials` has C text of functions such as exp and sin that compilers turn into vector instructions, `compiler` finds
a compiler and loads what it makes, and `cache` keeps compiled libraries on disk.
"""
