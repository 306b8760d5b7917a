/* Noise floor of every band of one channel: a low quantile of its level, whatever was decided.
 *
 * Down within 0.1 s, up by 5 dB/s: speech leaves each band quiet now and then, which holds the
 * floor down. A floor that nothing came near to for 0.8 s is wrong, since no voice fills a band
 * for so long: it rises by 60 dB/s, so that a new noise, or a turned gain, is taken over within two.
 */
#ifndef TL_NOISE_H
#define TL_NOISE_H

#include <stdint.h>

#include "turnlight.h"

typedef struct {
    int16_t floor_db_q8[TL_BANDS];
    int16_t untouched[TL_BANDS]; /* frames since the level was last near the floor, saturated */
} tl_noise;

void tl_noise_init(tl_noise *n);

void tl_noise_push(tl_noise *n, const int16_t bands_db_q8[TL_BANDS]);

/* A gain was found turned up by so much since this room was heard: the floors lie no lower. */
void tl_noise_turned(tl_noise *n, const int16_t room_db_q8[TL_BANDS], int32_t by_db_q8);

#endif
