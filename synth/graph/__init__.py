"""The concept graph: incidence lists, walks, references, and what can be seen of it."""
