"""Typed, strict loading of params/ and the resolving of one run to its complete parameters."""
