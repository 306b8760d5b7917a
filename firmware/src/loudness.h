/* How loud one party and its room are of late, and how loud they usually are, in several memories. */
#ifndef TL_LOUDNESS_H
#define TL_LOUDNESS_H

#include <stdint.h>

#include "turnlight.h"

#define TL_LOUDNESS_BLOCK 100 /* frames */

typedef struct {
    int16_t voice_db_q8;      /* usual level of this party's own voice, as it is heard */
    int16_t moving_db_q8;     /* the same, moving with the floor: a turned gain moves both */
    int32_t steady_db_q16;    /* how loud the voice gets, kept through the other's long turns */
    int16_t background_db_q8; /* usual level of what is always there */
    int16_t floor_db_q8[2];   /* mean of the bands' floors: now, and over 2 s */
    int16_t smooth_db_q8[2];  /* loudness over 200 and 600 ms */
    /* of the block before and of the running one: what was before a step of some gain is forgotten
     * after two blocks */
    int16_t least_db_q8[2], most_db_q8[2];
    uint8_t filled;   /* frames of the running block */
    uint8_t settling; /* frames until the first room is known */
} tl_loudness;

void tl_loudness_init(tl_loudness *l);

/* loudness: level of what the other channel does not explain; floor: of every band. */
void tl_loudness_push(tl_loudness *l, int32_t loudness_db_q8, int16_t voicing_q15,
                      const int16_t floor_db_q8[TL_BANDS]);

#endif
