"""Orchestration: flows, artifacts and the command line. No logic that a unit test would want."""
