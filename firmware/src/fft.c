#include "fft.h"

#include "fixed.h"

#define N (TL_FFT_N / 2)

/* In-place radix-2 transform of N complex values, (re, im) interleaved. */
static void transform(int32_t z[2 * N]) {
    for (int32_t i = 0; i < N; i++) {
        int32_t j = tl_bit_reversed[i];
        if (j > i) {
            int32_t re = z[2 * i], im = z[2 * i + 1];
            z[2 * i] = z[2 * j];
            z[2 * i + 1] = z[2 * j + 1];
            z[2 * j] = re;
            z[2 * j + 1] = im;
        }
    }
    for (int32_t half = 1, stride = N / 2; half < N; half *= 2, stride /= 2) {
        for (int32_t k = 0; k < half; k++) {
            int32_t cos_q30 = tl_cos_q30[k * stride], sin_q30 = tl_sin_q30[k * stride];
            for (int32_t i = k; i < N; i += 2 * half) {
                int32_t *a = z + 2 * i, *b = z + 2 * (i + half);
                /* b * e^(-j angle): |b| < 2^29 before the last stage, so the sums fit 31 bits */
                int32_t re = tl_mul_q30(b[0], cos_q30) + tl_mul_q30(b[1], sin_q30);
                int32_t im = tl_mul_q30(b[1], cos_q30) - tl_mul_q30(b[0], sin_q30);
                b[0] = a[0] - re;
                b[1] = a[1] - im;
                a[0] += re;
                a[1] += im;
            }
        }
    }
}

static uint64_t square(int64_t re, int64_t im) { return (uint64_t)(re * re + im * im); }

void tl_fft_power(int32_t data[512], uint64_t power[TL_BINS]) {
    transform(data);
    /* X[k] = E[k] + e^(-j 2 pi k / 512) O[k], with the even and odd spectra E and O taken from
     * Z[k] and conj Z[N - k]; doubled here, hence the >> 2 of the power */
    for (int32_t k = 0; k <= N / 2; k++) {
        int32_t m = (N - k) & (N - 1);
        int64_t zr = data[2 * k], zi = data[2 * k + 1];
        int64_t yr = data[2 * m], yi = -(int64_t)data[2 * m + 1];
        int64_t even_re = zr + yr, even_im = zi + yi;
        int32_t odd_re = tl_narrow32(zi - yi), odd_im = tl_narrow32(yr - zr);
        int64_t turn_re = (int64_t)tl_mul_q30(odd_re, tl_split_cos_q30[k]) +
                          tl_mul_q30(odd_im, tl_split_sin_q30[k]);
        int64_t turn_im = (int64_t)tl_mul_q30(odd_im, tl_split_cos_q30[k]) -
                          tl_mul_q30(odd_re, tl_split_sin_q30[k]);
        /* |2X| < 2^30 * 2, so its square is below 2^62 */
        power[k] = square(even_re + turn_re, even_im + turn_im) >> 2;
        power[N - k] = square(even_re - turn_re, even_im - turn_im) >> 2;
    }
}
