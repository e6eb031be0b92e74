"""Rounds: new rollouts, new weaknesses, a new dataset, and what changed from one to the next."""
