"""Evaluation: sliding windows, scales and mirrors; confusion matrices; metrics; examples for figures."""
