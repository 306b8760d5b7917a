/* Noise floor of every band of one channel: a low quantile of its level, whatever was decided.
 *
 * Down within 0.1 s, up by 5 dB/s: speech leaves each band quiet now and then, which holds the
 * floor down; a new steady noise is taken over within seconds.
 */
#ifndef TL_NOISE_H
#define TL_NOISE_H

#include <stdint.h>

#include "turnlight.h"

typedef struct {
    int16_t floor_db_q8[TL_BANDS];
} tl_noise;

void tl_noise_init(tl_noise *n);

void tl_noise_push(tl_noise *n, const int16_t bands_db_q8[TL_BANDS]);

#endif
