"""One starts while the other holds the floor. Pure."""

from __future__ import annotations

import msgspec


class Challenge(msgspec.Struct):
    """The other one talks while somebody holds the floor; not yet known what it is."""

    by: int
    start_ms: int
    left_ms: int | None = None
    """End of the holder's speech before it; None when it began over the holder's speech."""
    in_gap: bool = False
    """Whether it waited until it was clear that the holder had stopped."""
    unheard: bool = False
    """Both had started before either could hear the other: nobody interrupts."""
    end_ms: int | None = None
    overlap_ms: int = 0
    overlap_end_ms: int = 0
    answer_ms: int | None = None
    """When the holder came back over it; what overlaps from then on is the holder's doing."""
    answer_overlap_ms: int = 0
    answer_overlap_end_ms: int = 0

    @property
    def ceded_ms(self) -> int:
        """End of the holder's speech, should the floor pass."""
        if self.overlap_ms or self.left_ms is None:
            return self.overlap_end_ms
        return self.left_ms

    def overlap(self, start_ms: int, end_ms: int) -> None:
        """Both talk in this frame."""
        if self.answer_ms is None:
            self.overlap_ms += end_ms - start_ms
            self.overlap_end_ms = end_ms
        else:
            self.answer_overlap_ms += end_ms - start_ms
            self.answer_overlap_end_ms = end_ms

    def answer(self, end_ms: int | None) -> Challenge:
        """What the coming back of the one who held the floor is, once it has passed."""
        assert self.answer_ms is not None
        return Challenge(
            by=1 - self.by,
            start_ms=self.answer_ms,
            end_ms=end_ms,
            overlap_ms=self.answer_overlap_ms,
            overlap_end_ms=self.answer_overlap_end_ms,
        )
