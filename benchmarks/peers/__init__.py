"""Whole runs of one-call rows, from the start of a process to rows on disk: ours, and what others use."""
