"""Duplicates among made-up questions: the engine, its peers, and the truth."""
