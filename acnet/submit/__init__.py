"""Predictions of a test split in the form its server accepts, and the way back of its score."""
