"""LaTeX sources, with formulas as they are."""
