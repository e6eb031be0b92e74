"""Prompts: versioned Markdown files, the replies they ask for, and how those are read."""
