"""Publishing: the dataset folder, its card and its figures."""
