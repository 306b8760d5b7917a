/* Music on hold.
 *
 * Music differs from speech by what it
 * lacks: pauses and closures (its level hardly drops within 2.5 s) and quick change of spectrum;
 * from noise by its periodicity.
 */
#ifndef TL_MUSIC_H
#define TL_MUSIC_H

#include <stdint.h>

#include "turnlight.h"

#define TL_MUSIC_FRAMES 250 /* 2.5 s of history */

typedef struct {
    int16_t last_db_q8[TL_BANDS];
    int16_t level_db_q8[TL_MUSIC_FRAMES]; /* ring: level that the other channel does not explain */
    int16_t flux_db_q8[TL_MUSIC_FRAMES];  /* ring: mean change of the bands, per frame */
    int16_t voicing_q15[TL_MUSIC_FRAMES]; /* ring */
    int32_t flux_sum_q8, voicing_sum_q15;
    uint16_t at, count;
    uint8_t music;
    uint8_t votes; /* frames that spoke for a change of `music` */
} tl_music;

void tl_music_init(tl_music *m);

/* Takes one frame: its bands, their level without the other channel's leak, and its periodicity.
 * Returns 1 while music sounds. */
int32_t tl_music_push(tl_music *m, const int16_t bands_db_q8[TL_BANDS], int32_t loudness_db_q8,
                      int16_t voicing_q15);

#endif
