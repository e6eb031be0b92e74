"""A store: what outlives a run, and runs that take only what it has not seen."""
