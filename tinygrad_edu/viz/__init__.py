"""The graph as a picture, and curves: everything here reads the tape and leaves it as it was."""
