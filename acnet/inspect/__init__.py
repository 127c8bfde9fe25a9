"""Is a dataset what it should be, and what does it look like?"""
