"""Run the console as ``python -m edgegym``."""

from edgegym.cli import main

if __name__ == "__main__":
    main()
