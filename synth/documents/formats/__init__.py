"""Readers: what a file of each format comes to as Markdown."""
