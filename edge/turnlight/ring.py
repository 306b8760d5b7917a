"""A ring of sound blocks between one callback and one reader, without a lock."""

from __future__ import annotations


class Ring:
    """Blocks of one size, in memory taken once.

    Exactly one thread puts and exactly one takes. Each side writes only its own counter, which
    never falls, and moves it after the bytes it stands for; so neither ever waits for the other.

    Attributes:
        dropped: blocks that found the ring full, or were of another size. The newest block is the
            one dropped: what waits to be read is never overwritten under the reader.
    """

    def __init__(self, blocks: int, block_bytes: int) -> None:
        self._slots = [memoryview(bytearray(block_bytes)) for _ in range(blocks)]
        self._count = blocks
        self._block_bytes = block_bytes
        self._put = 0
        self._taken = 0
        self.dropped = 0

    def put(self, block: bytes) -> None:
        """Copy one block in. For the callback: no wait, no memory."""
        if self._put - self._taken == self._count or len(block) != self._block_bytes:
            self.dropped += 1
            return
        self._slots[self._put % self._count][:] = block
        self._put += 1

    def take(self) -> bytes | None:
        """The oldest block, or None when there is none."""
        if self._put == self._taken:
            return None
        block = bytes(self._slots[self._taken % self._count])
        self._taken += 1
        return block
