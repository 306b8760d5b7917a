/* How late a leak comes: a radio headset, or an echo of the line, holds it back.
 *
 * Where the source is the louder one, each rise of the destination's level is matched with the
 * source's rises up to 150 ms before; the delay at which they meet most is the leak's. What the
 * destination's own party says rises without the source, and what leaks back from it is louder
 * there than in the source.
 */
#ifndef TL_DELAY_H
#define TL_DELAY_H

#include <stdint.h>

#include "turnlight.h"

#define TL_DELAY_MOST 15 /* frames */

typedef struct {
    int16_t source_db_q8[TL_DELAY_MOST + 1]; /* mean level of the telephone's bands, newest first */
    int16_t rise_db_q3[TL_DELAY_MOST + 1];   /* of the source over two frames, newest first */
    int16_t destination_db_q8[2];            /* of the two frames before */
    int32_t met[TL_DELAY_MOST + 1];          /* how much both rose, by delay; fades */
    int32_t frames;                          /* the delay */
} tl_delay;

void tl_delay_init(tl_delay *d);

/* Takes the bands of one frame. Returns the delay in frames, 0..TL_DELAY_MOST; 0 until another one
 * is certain. */
int32_t tl_delay_push(tl_delay *d, const int16_t source_db_q8[TL_BANDS],
                      const int16_t destination_db_q8[TL_BANDS]);

#endif
