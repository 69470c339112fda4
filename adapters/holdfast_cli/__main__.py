"""What the command `holdfast` runs."""

import io
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from holdfast_cli import app  # noqa: PLC0415 - what is missing is said in one line
    except ImportError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows a question mark rather than nothing
    app(prog_name="holdfast")


if __name__ == "__main__":
    main()
