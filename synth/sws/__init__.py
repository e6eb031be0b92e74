"""SwS: what a student keeps failing, from its training logs to categories with their budgets."""
