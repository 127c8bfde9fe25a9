"""Evaluation: sliding windows, scales and flips; confusion counts; metrics; gates; predictions as pictures."""
