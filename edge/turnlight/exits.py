"""How a program ends: exit codes, and one sentence for each error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from turnlight.config import ConfigError

FAILURE, WRONG_USE, INTERRUPTED = 1, 2, 130


class Problem(Exception):
    """One sentence for the user, and the exit code."""

    def __init__(self, sentence: str, code: int = FAILURE) -> None:
        super().__init__(sentence)
        self.code = code


def complain(sentence: str) -> None:
    """One sentence on standard error."""
    print(f"turnlight: {sentence}", file=sys.stderr)


def ended(work: Callable[[], object]) -> int:
    """Do what was asked for; gives the exit code."""
    try:
        code = work()
        sys.stdout.flush()
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
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
