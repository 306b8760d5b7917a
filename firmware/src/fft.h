/* Power spectrum of 512 real samples through one 256-point complex transform.
 *
 * |x| <= 2^19 (Q4 samples): 512 of them sum to 2^28 at most, so nothing is scaled or overflows.
 */
#ifndef TL_FFT_H
#define TL_FFT_H

#include <stdint.h>

#define TL_BINS 257

/* data: 512 real values, |x| <= 2^19, overwritten. power: |X|^2 of bins 0..256, same scale. */
void tl_fft_power(int32_t data[512], uint64_t power[TL_BINS]);

#endif
