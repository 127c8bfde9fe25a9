"""Datasets: one reader each, the prepared store, the training samples, and the generated datasets."""
