"""The shift's random pid and the number of each window under it, kept over restarts."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import msgspec

from turnlight.messages import WINDOW_MS, Window

_LOG = logging.getLogger(__name__)

QUIET_S = 300
"""At a change of shift no window is sent for so long, on every desk at the same time."""

PATIENCE_S = 1800
"""A call that goes on into the new shift is waited for at most so long."""

_RESERVE = 64
"""Numbers reserved at once: one write in eleven minutes, and a crash skips at most so many."""


class ShiftError(RuntimeError):
    """The shift cannot be kept; the text says where and what to do."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shift: str
    pid: str
    unused: int
    """From this number on, none was ever used under this pid."""


def shift_began_s(name: str, zone: tzinfo | None) -> float:
    """Unix time at which the shift of this name began."""
    return datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=zone).timestamp()


def shift_name(local: datetime, hours: tuple[int, ...]) -> str:
    """The shift that a local time falls in: date and hour at which it began."""
    begun = [hour for hour in hours if hour <= local.hour]
    if begun:
        return f"{local:%Y-%m-%d}T{max(begun):02}"
    return f"{local - timedelta(days=1):%Y-%m-%d}T{max(hours):02}"


class Shift:
    """Gives each window its pid and number.

    The pid is 64 random bits, new every shift, made from nothing: not from the device, not from
    the pid before. A number is never used twice under a pid, also after a crash or a power cut,
    since numbers are reserved on the disk before the first of them is used.

    Who watches all desks could tell one that goes on under a new pid by the call that goes on. So
    the first five minutes of a shift are left out, the same on every desk, and with them the call
    that is on at their end.

    Args:
        state_dir: where the pid is kept; one process may use it at a time.
        hours: local hours at which a shift begins.
        zone: for `local`; None takes this machine's.

    Raises:
        ShiftError: the directory cannot be written or belongs to another running desk.
    """

    def __init__(self, state_dir: Path, hours: tuple[int, ...], zone: tzinfo | None = None) -> None:
        self._path = state_dir / "shift.json"
        self._hours = hours
        self._zone = zone
        try:
            state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(state_dir / "shift.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ShiftError(
                f"{state_dir}: cannot be written ({error.strerror}); "
                "set desk.state_dir to a directory this user can write"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ShiftError(
                f"{state_dir}: another running desk uses it; give each desk its own desk.state_dir"
            ) from None
        kept = self._read()
        self._shift, self._pid, self._next = kept.shift, kept.pid, kept.unused
        self._reserved = kept.unused
        self._last_s = float("-inf")

    def stamp(self, fields: Mapping[str, Any], wall_s: float) -> Window | None:
        """The window of these fields under the shift's pid, with the next number.

        None where it must not be sent: between two shifts.

        Args:
            fields: all of `Window` but pid and seq.
            wall_s: Unix time of the window's start; it decides the shift.

        Raises:
            msgspec.ValidationError: a field is out of range; the text names it.
        """
        shift = shift_name(datetime.fromtimestamp(wall_s, self._zone), self._hours)
        goes_on = wall_s - self._last_s <= WINDOW_MS / 1000
        self._last_s = wall_s
        if shift != self._shift:
            if self._shift and self._is_between(shift, wall_s, goes_on):
                return None
            self._begin(shift)
        if self._next == self._reserved:
            self._reserve()
        window = msgspec.convert({**fields, "pid": self._pid, "seq": self._next}, Window)
        self._next += 1
        return window

    def close(self) -> None:
        """Let another process use the directory."""
        os.close(self._lock)

    def _is_between(self, shift: str, wall_s: float, goes_on: bool) -> bool:
        passed_s = wall_s - shift_began_s(shift, self._zone)
        return passed_s < QUIET_S or (goes_on and passed_s < PATIENCE_S)

    def _begin(self, shift: str) -> None:
        self._shift, self._pid = shift, secrets.token_hex(8)
        self._next = self._reserved = 0

    def _reserve(self) -> None:
        try:
            self._write(_Kept(self._shift, self._pid, self._next + _RESERVE))
        except OSError as error:
            # The numbers of a pid that is on the disk may not be used unreserved: take a pid
            # that is in no file, so that a restart cannot go on with it.
            _LOG.error("%s: %s; each restart begins a new pid", self._path, error)
            self._begin(self._shift)
        self._reserved = self._next + _RESERVE

    def _read(self) -> _Kept:
        nothing = _Kept(shift="", pid="", unused=0)
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return nothing
        except (OSError, msgspec.DecodeError) as error:
            _LOG.error("%s cannot be used (%s): a new pid begins", self._path, error)
            return nothing

    def _write(self, kept: _Kept) -> None:
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(kept))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
