"""`python -m pipelines`: the command line, where `sluice` is not on the PATH."""

from pipelines.cli.app import command, main

__all__ = ["main"]

if __name__ == "__main__":
    command()
