"""The files of params/ as typed objects, and each run with its complete parameters."""
