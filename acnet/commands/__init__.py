"""The commands of `acnet`, one file per part; each has `add(commands)`.

Heavy packages are imported inside the functions: starting `acnet` costs a tenth of a second, torch two.
"""
