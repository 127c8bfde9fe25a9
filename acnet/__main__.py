"""`python -m acnet` is the command `acnet`."""

from acnet.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
