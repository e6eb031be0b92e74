"""Tables, of which each row is a document."""
