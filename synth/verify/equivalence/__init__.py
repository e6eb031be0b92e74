"""Whether two answers are the same: rules of our own first, a computer algebra in killable processes last."""
