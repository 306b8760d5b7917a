/* Noise floor of every band of one channel.
 *
 * While nobody talks here the floor follows the sound's mean; while somebody talks it stands, but
 * a floor that is too low is found out, since even speech leaves each band quiet now and then:
 * the least level of the last 1.5 s lifts it.
 */
#ifndef TL_NOISE_H
#define TL_NOISE_H

#include <stdint.h>

#include "turnlight.h"

typedef struct {
    int16_t floor_db_q8[TL_BANDS];
    int16_t least_db_q8[2][TL_BANDS]; /* of the block before, and of this one */
    uint8_t frames;                   /* of this block */
    uint8_t started;
} tl_noise;

void tl_noise_init(tl_noise *n);

/* quiet: 1 where this frame is surely not this channel's own or leaked speech. */
void tl_noise_push(tl_noise *n, const int16_t bands_db_q8[TL_BANDS], int32_t quiet);

#endif
