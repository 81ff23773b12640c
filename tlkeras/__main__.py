"""The `tlkeras` command, and what it says when it cannot run."""

import sys

from tlkeras.extras import advice
from tlkeras.output import make_printable


def main():
    """Run the command; what its user can mend is one line, never a traceback."""
    make_printable()
    try:
        from tlkeras import cli

        cli.run()
    except ModuleNotFoundError as error:
        line = advice(error.name)
        if line is None:
            raise
        sys.exit(_fail(line))


def _fail(line):
    print(f"tlkeras: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
