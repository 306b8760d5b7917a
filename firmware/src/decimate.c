#include "decimate.h"

#include <string.h>

#include "fixed.h"

void tl_decimate_init(tl_decimate *d) { memset(d, 0, sizeof *d); }

int32_t tl_decimate_push(tl_decimate *d, int16_t sample, int16_t *out) {
    d->past[d->at] = sample;
    d->at = (uint8_t)(d->at + 1 == TL_DECIMATE_TAPS ? 0 : d->at + 1);
    d->phase = (uint8_t)(d->phase == 2 ? 0 : d->phase + 1);
    if (d->phase != 0) {
        return 0;
    }
    /* the taps' absolute sum is 2.0 in Q15, so |sum| <= 2^15 * 2^16 = 2^31: 64 bits to be sure
     * of the rounding term; the taps are symmetric, so the ring may be read oldest first */
    int64_t sum_q15 = 1 << 14;
    int32_t k = 0;
    for (int32_t i = d->at; i < TL_DECIMATE_TAPS; i++) {
        sum_q15 += d->past[i] * tl_decimate_q15[k++];
    }
    for (int32_t i = 0; i < d->at; i++) {
        sum_q15 += d->past[i] * tl_decimate_q15[k++];
    }
    *out = tl_saturate16((int32_t)(sum_q15 >> 15)); /* Q0 * Q15 >> 15 = Q0 */
    return 1;
}
