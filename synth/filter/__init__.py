"""The filter of passages: a rater reads all of them, or a sample from which a classifier learns."""
