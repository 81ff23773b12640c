"""The `tlkeras` command, and what it says when it cannot run."""

import os
import sys


def main():
    """Run the command; what its user can mend is one line, never a traceback."""
    leave_out_working_folder()
    from tlkeras.extras import advice
    from tlkeras.output import make_printable

    make_printable()

    try:
        from tlkeras import cli

        cli.run()
    except ModuleNotFoundError as error:
        line = advice(error.name)
        if line is None:
            raise
        sys.exit(_fail(line))


def leave_out_working_folder():
    """Let no module come from the working folder, which may be full of submissions.

    `python -m` puts it first, and so does an empty entry of PYTHONPATH. It stays where
    it is what tlkeras or Python itself is run from.
    """
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was deleted
        return
    package = os.path.dirname(os.path.realpath(__file__))
    if here not in (os.path.dirname(package), os.path.dirname(os.__file__)):
        sys.path[:] = [p for p in sys.path if os.path.realpath(p) != here]


def _fail(line):
    print(f"tlkeras: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
