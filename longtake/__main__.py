"""`python -m longtake`."""

from longtake.cli import main

if __name__ == "__main__":
    main()
