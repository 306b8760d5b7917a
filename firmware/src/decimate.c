#include "decimate.h"

#include <string.h>

#include "fixed.h"

void tl_decimate_init(tl_decimate *d) { memset(d, 0, sizeof *d); }

void tl_decimate_push(tl_decimate *d, const int16_t in[3 * TL_HOP], int16_t out[TL_HOP]) {
    int16_t sound[TL_DECIMATE_PAST + 3 * TL_HOP];
    memcpy(sound, d->past, sizeof d->past);
    memcpy(sound + TL_DECIMATE_PAST, in, 3 * TL_HOP * sizeof in[0]);
    memcpy(d->past, sound + 3 * TL_HOP, sizeof d->past);
    for (int32_t i = 0; i < TL_HOP; i++) {
        /* the taps' absolute sum is 65452, so |sum| <= 2^15 * 65452 + 2^14 < 2^31 at every step;
         * they are symmetric, so the sound may be read oldest first */
        int32_t sum_q15 = 1 << 14;
        for (int32_t k = 0; k < TL_DECIMATE_TAPS; k++) {
            sum_q15 += sound[3 * i + k] * tl_decimate_q15[k];
        }
        out[i] = tl_saturate16(sum_q15 >> 15); /* Q0 * Q15 >> 15 = Q0 */
    }
}
