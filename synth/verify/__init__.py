"""Verification: what can be checked of a question or an answer without trusting the model."""
