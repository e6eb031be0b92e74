"""What a table of rollouts says: pass rates, rows to train on, pairs, prompts. No model is needed for it."""
