"""Order: sorting and what is read off sorted numbers; the gradient follows each number to its place."""
