"""A run folder copied to an object store while it is made, and taken from there elsewhere."""
