"""What a campaign will cost: its jobs, operations, hours and disk."""
