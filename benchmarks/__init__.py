"""What things cost: CPU seconds of this process, smallest of a few rounds, peers interleaved in one run."""
