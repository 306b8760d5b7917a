/* 48 -> 16 kHz: a 96-tap linear-phase low-pass, every third output. Delay 47.5 samples at 48 kHz. */
#ifndef TL_DECIMATE_H
#define TL_DECIMATE_H

#include <stdint.h>

#define TL_DECIMATE_TAPS 96

typedef struct {
    int16_t past[TL_DECIMATE_TAPS]; /* ring of the newest samples */
    uint8_t at;                     /* where the next sample goes */
    uint8_t phase;                  /* 0..2 */
} tl_decimate;

void tl_decimate_init(tl_decimate *d);

/* Takes one sample at 48 kHz; every third call returns 1 and one sample at 16 kHz. */
int32_t tl_decimate_push(tl_decimate *d, int16_t sample, int16_t *out);

#endif
