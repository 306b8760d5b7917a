/* A gain of one channel that somebody, or something automatic, turned up at one moment.
 *
 * All bands jump by as much, whoever speaks. Where the other channel is known to be fed from this
 * one, by sidetone or bleed, it tells within a quarter of a second: it did not hear the sound rise.
 * Else the room stays where the jump put it, which it does after no word, and that is known a second
 * later. A gain turned down needs no such care: the floors follow it at once (loudness.h).
 */
#ifndef TL_GAIN_H
#define TL_GAIN_H

#include <stdint.h>

#include "bands.h"

#define TL_GAIN_MEAN 4 /* frames before and after a jump; Q6 and Q8 rely on it ... */
#define TL_GAIN_GAP 3  /* ... and between them, which a window may straddle */
#define TL_GAIN_PAST (2 * TL_GAIN_MEAN + TL_GAIN_GAP)

typedef struct {
    int16_t past_db_q6[TL_GAIN_PAST][TL_BANDS]; /* a ring */
    int16_t older_db_q8[TL_BANDS], newer_db_q8[TL_BANDS]; /* means of four: their sums in Q6 */
    int16_t room_db_q8[TL_BANDS];  /* as it was when the jump was seen */
    int16_t least_db_q8[TL_BANDS]; /* since */
    int16_t jump_db_q8;            /* what is being looked at, or 0 */
    int32_t missing_db_q8;         /* in the other channel, added up over ... */
    uint8_t since;                 /* frames */
    uint8_t missed;                /* ... these of them, in which it had not risen */
    uint8_t heard;                 /* frames since the last silence, saturated */
    uint8_t at;                    /* where the oldest frame stands */
} tl_gain;

void tl_gain_init(tl_gain *g);

/* Takes one frame, the room as it is known, and what is missing in the other channel of what this one
 * should leak into it (TL_DB_NONE where that is not known). Returns by how much a gain was found
 * turned up with this frame, Q8 dB, or 0. */
int32_t tl_gain_push(tl_gain *g, const tl_bands *bands, const int16_t room_db_q8[TL_BANDS],
                     int32_t missing_db_q8);

#endif
