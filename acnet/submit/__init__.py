"""Predictions of a test split in the form its server accepts, and the score that the server answers."""
