/* 48 -> 16 kHz: a 96-tap linear-phase low-pass, every third output. Delay 47.5 samples at 48 kHz. */
#ifndef TL_DECIMATE_H
#define TL_DECIMATE_H

#include <stdint.h>

#include "turnlight.h"

#define TL_DECIMATE_TAPS 96
#define TL_DECIMATE_PAST (TL_DECIMATE_TAPS - 3) /* the first output needs three new samples */

typedef struct {
    int16_t past[TL_DECIMATE_PAST]; /* the newest samples of the hops before */
} tl_decimate;

void tl_decimate_init(tl_decimate *d);

/* One hop: 480 samples at 48 kHz become 160 at 16 kHz. */
void tl_decimate_push(tl_decimate *d, const int16_t in[3 * TL_HOP], int16_t out[TL_HOP]);

#endif
