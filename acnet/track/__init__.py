"""What DVC and Git remember of finished runs: experiments, published campaigns, and where a table cell comes from.

Nothing here is needed to train; only publishing and restoring import DVC.
"""
