"""Code, checked by tests in a process of its own that reaches neither files nor network; off by default."""
