/* Power spectrum of 512 real samples through one 256-point complex transform of 16 bits.
 *
 * Block floating point: before each stage all values are shifted right together, by as little as
 * keeps the stage within 16 bits, and the shifts are counted. So rounding stays about 80 dB below
 * the strongest bin, whatever the level.
 */
#ifndef TL_FFT_H
#define TL_FFT_H

#include <stdint.h>

#define TL_BINS 256
#define TL_FFT_LIMIT 4096 /* of the samples' size; smaller ones lose precision */

/* The samples 0, 2, 4 .. 510 in re, 1, 3 .. 511 in im. */
typedef struct {
    int16_t re[256], im[256];
} tl_fft;

/* Where the transform works, and then the power spectrum: one place, for a small stack. */
typedef union {
    tl_fft work;
    int32_t power[TL_BINS];
} tl_fft_out;

/* z: |x| <= TL_FFT_LIMIT, overwritten. Returns e: bin k has |X|^2 = power[k] * 4^e. Bin 0 (DC) is
 * left 0, bin 256 (8 kHz) left out: no band has them. */
int32_t tl_fft_power(tl_fft *z, tl_fft_out *out);

#endif
