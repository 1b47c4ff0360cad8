"""`python -m tsfmicro`: the command line, where its own command is not on the path."""

from tsfmicro.app.cli import main

if __name__ == "__main__":  # spawned workers import this file again
    main()
