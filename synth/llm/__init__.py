"""Model calls: one client, its journal, and what can stand at the other end of it."""
