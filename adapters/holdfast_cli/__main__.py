"""The entry point of the command `holdfast`."""

import io
import sys


def main() -> None:
    """Run the command line, and exit with its exit code."""
    try:
        from holdfast_cli import app  # noqa: PLC0415 - a missing package is reported in one line
    except ImportError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows a question mark instead of failing
    app(prog_name="holdfast")


if __name__ == "__main__":
    main()
