"""A local socket through which the agent's wishes come: one line in, one line out.

Nobody else than the desk's own user and group can open it, and no network reaches it. What is
about the agent is told to the user alone under whom the desk runs.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

LINE_MOST = 100
"""Bytes of a wish."""
ANSWER_MOST = 1 << 16
"""Bytes of an answer."""
REFUSED = "! "
"""How the answer to a wish begins that makes no sense."""
PATIENCE_S = 2.0
"""A visitor who says nothing for so long is let go."""
_RIGHTS = 0o660


class DoorError(Exception):
    """The socket cannot be used; the text says why and what to do."""


class Doorway:
    """Listens in a thread of its own until it is closed.

    Args:
        path: of the socket; one that a dead process left is taken over.
        answer: called with each line, in that thread; gives the line to send back.
        private: lines that only the user who runs this process may say.

    Raises:
        DoorError: another desk listens there, or the folder cannot be written.
    """

    def __init__(
        self, path: Path, answer: Callable[[str], str], private: Collection[str] = ()
    ) -> None:
        self._path = path
        self._answer = answer
        self._private = private
        self._socket = _bound(path)
        self._thread = threading.Thread(target=self._run, name="doorway", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more, and take the socket away."""
        self._path.unlink(missing_ok=True)
        # a shut socket wakes the thread that waits in accept
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            with visitor, suppress(OSError):
                visitor.settimeout(PATIENCE_S)
                line = _line(visitor, LINE_MOST)
                if line in self._private and _user(visitor) != os.getuid():
                    answer = f"{REFUSED}only the user who runs this desk may ask for `{line}`"
                else:
                    answer = self._answer(line)
                visitor.sendall(answer.encode() + b"\n")


def ask(path: Path, line: str) -> str:
    """Say one line to the desk that runs on this machine, and give its answer.

    Raises:
        DoorError: no desk runs there, or this user may not ask it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
        desk.settimeout(PATIENCE_S)
        try:
            desk.connect(str(path))
            desk.sendall(line.encode() + b"\n")
            return _line(desk, ANSWER_MOST)
        except PermissionError:
            raise DoorError(
                f"{path}: this user may not ask the desk; join the group that owns this socket"
            ) from None
        except OSError:
            raise DoorError(
                f"{path}: no desk listens there; start it with `turnlight run`, or name its "
                "settings with --config"
            ) from None


def _user(visitor: socket.socket) -> int:
    """Under whom the other process runs."""
    kind = struct.Struct("3i")  # process, user, group
    _, user, _ = kind.unpack(visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, kind.size))
    return int(user)


def _line(peer: socket.socket, most: int) -> str:
    heard = b""
    while b"\n" not in heard and len(heard) < most:
        more = peer.recv(most)
        if not more:
            break
        heard += more
    return heard.partition(b"\n")[0].decode(errors="replace")


def _bound(path: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _answers(path):
            raise DoorError(f"{path}: another desk listens there; stop it, or set desk.socket")
        path.unlink(missing_ok=True)
        door.bind(str(path))
        path.chmod(_RIGHTS)
        door.listen(4)
    except OSError as error:
        door.close()
        raise DoorError(
            f"{path}: cannot listen there ({error.strerror or error}); set desk.socket to a path "
            "in a folder that this user can write"
        ) from None
    except DoorError:
        door.close()
        raise
    return door


def _answers(path: Path) -> bool:
    """Whether somebody listens there; what a dead process left refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        try:
            visitor.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
