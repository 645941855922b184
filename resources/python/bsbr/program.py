"""Finds and runs the program `bsbr`."""

import os
import shutil
import subprocess
from pathlib import Path


class BsbrError(RuntimeError):
    """What the program `bsbr` refused or could not do, in its words."""


def find_program():
    """$BSBR_PROGRAM, else `bsbr` on the PATH, else that of the source tree this package lies in."""
    named = os.environ.get("BSBR_PROGRAM")
    if named:
        return named
    built = Path(__file__).resolve().parents[3] / "build" / "release" / "bin" / "bsbr"
    found = shutil.which("bsbr") or (str(built) if built.is_file() else None)
    if found is None:
        raise BsbrError("The program bsbr was not found: put it on the PATH, or name it in BSBR_PROGRAM.")
    return found


def run_program(*arguments):
    """Runs it; raises BsbrError with its message where it fails."""
    try:
        result = subprocess.run(
            [find_program(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError as error:
        raise BsbrError(f"The program bsbr cannot be run: {error}") from error
    if result.returncode != 0:
        raise BsbrError(result.stderr.strip() or f"bsbr ended with status {result.returncode}")
    return result.stdout
