"""``python -m stream`` is `outcry`."""

from stream.cli import main

if __name__ == "__main__":
    main()
