"""`python -m genlora`."""

from genlora.cli import main

if __name__ == "__main__":
    main()
