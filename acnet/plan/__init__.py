"""What a campaign will cost: its jobs, operations, hours and disk. Only `measure` imports torch at once."""
