"""Benchmarks: each figure beside the floor measured in the same run, as a ratio, because machines differ."""
