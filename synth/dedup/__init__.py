"""Duplicates, contamination and copies: what must not be published twice, or at all."""
