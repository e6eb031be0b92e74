"""Reading: source files become documents, documents become passages."""
