"""How the program ends: exit codes, and one sentence for each error."""

from __future__ import annotations

import os
import sys

import typer

from turnlight.config import ConfigError

FAILURE, WRONG_USE, INTERRUPTED = 1, 2, 130

# the base of all errors that typer finds in a command line; it has no public name
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class Problem(Exception):
    """One sentence for the user, and the exit code."""

    def __init__(self, sentence: str, code: int = FAILURE) -> None:
        super().__init__(sentence)
        self.code = code


def complain(sentence: str) -> None:
    """One sentence on standard error."""
    print(f"turnlight: {sentence}", file=sys.stderr)


def run(app: typer.Typer) -> int:
    """Run the command that was asked for; gives the exit code."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="turnlight", standalone_mode=False)
        sys.stdout.flush()
    except _UsageError as error:
        complain(_usage(error))
        return WRONG_USE
    except ConfigError as error:
        complain(str(error))
        return WRONG_USE
    except Problem as error:
        complain(str(error))
        return error.code
    except BrokenPipeError:
        # what is still in the buffer goes nowhere, or the interpreter complains at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}")
        return FAILURE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> str:
    text = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "turnlight"
    return f"{text[:1].lower()}{text[1:]}; see `{command} --help`"
