#include "fft.h"

#include "simd.h"
#include "tables.h"

#define N (TL_FFT_N / 2)

/* A stage adds four values, which may reach 4 P in each part when their parts reach P, and turns
 * the sum, which may move its whole size, sqrt(2) * 4 P, into one part. Roundings and twiddles add
 * less than 3 to that. */
#define TURN_LIMIT 5791 /* sqrt(2) * 4 * 5791 = 32759 */
/* The last stage does not turn: 4 * 8191 = 32764. Nor does the split exceed four times a part. */
#define SUM_LIMIT 8191

/* The least right shift that brings 0..32767 within a limit of at least 4096, rounding included. */
static int32_t shift_for(int32_t peak, int32_t limit) {
    int32_t shift = 0;
    while ((peak + ((1 << shift) >> 1)) >> shift > limit) {
        shift++;
    }
    return shift;
}

/* One radix-4 stage of a transform that sorts itself (Stockham): reads quarters of x, shifted
 * right, and writes runs of the four results, turned by the twiddles of their place in y (null:
 * all are 1). Returns the largest part written. */
static inline int32_t stage(const tl_fft *x, tl_fft *y, int32_t run, int32_t shift,
                            const int16_t turn_q15[6][N / 4]) {
    tl_lanes peak = tl_zero();
    for (int32_t i = 0; i < N / 4; i += TL_LANES) {
        tl_lanes a_re = tl_lowered(tl_load(x->re + i), shift);
        tl_lanes a_im = tl_lowered(tl_load(x->im + i), shift);
        tl_lanes b_re = tl_lowered(tl_load(x->re + i + N / 4), shift);
        tl_lanes b_im = tl_lowered(tl_load(x->im + i + N / 4), shift);
        tl_lanes c_re = tl_lowered(tl_load(x->re + i + N / 2), shift);
        tl_lanes c_im = tl_lowered(tl_load(x->im + i + N / 2), shift);
        tl_lanes d_re = tl_lowered(tl_load(x->re + i + 3 * N / 4), shift);
        tl_lanes d_im = tl_lowered(tl_load(x->im + i + 3 * N / 4), shift);
        tl_lanes ac_re = tl_add(a_re, c_re), ac_im = tl_add(a_im, c_im);
        tl_lanes bd_re = tl_add(b_re, d_re), bd_im = tl_add(b_im, d_im);
        a_re = tl_sub(a_re, c_re);
        a_im = tl_sub(a_im, c_im);
        b_re = tl_sub(b_re, d_re);
        b_im = tl_sub(b_im, d_im);
        /* a + b + c + d, a - jb - c + jd, a - b + c - d, a + jb - c - jd */
        tl_lanes y_re[4] = {tl_add(ac_re, bd_re), tl_add(a_re, b_im), tl_sub(ac_re, bd_re),
                            tl_sub(a_re, b_im)};
        tl_lanes y_im[4] = {tl_add(ac_im, bd_im), tl_sub(a_im, b_re), tl_sub(ac_im, bd_im),
                            tl_add(a_im, b_re)};
        for (int32_t j = 1; turn_q15 != 0 && j < 4; j++) {
            tl_lanes cos_q15 = tl_load(turn_q15[2 * j - 2] + i);
            tl_lanes sin_q15 = tl_load(turn_q15[2 * j - 1] + i);
            tl_lanes re = y_re[j], im = y_im[j];
            y_re[j] = tl_add(tl_mul_q15(re, cos_q15), tl_mul_q15(im, sin_q15));
            y_im[j] = tl_sub(tl_mul_q15(im, cos_q15), tl_mul_q15(re, sin_q15));
        }
        for (int32_t j = 0; j < 4; j++) {
            peak = tl_larger(peak, tl_larger(tl_size(y_re[j]), tl_size(y_im[j])));
        }
        tl_store_in_runs(y->re, i, run, y_re[0], y_re[1], y_re[2], y_re[3]);
        tl_store_in_runs(y->im, i, run, y_im[0], y_im[1], y_im[2], y_im[3]);
    }
    return tl_largest(peak);
}

/* The real samples' spectrum X from that of their pairs, Z: X[k] = E + e^(-j 2 pi k / 512) O with
 * the even and odd samples' spectra E and O taken from Z[k] and conj Z[N - k]. Doubled here. */
static void split(const tl_fft *z, int32_t shift, int32_t power[TL_BINS]) {
    for (int32_t k = 1; k <= N / 2; k += TL_LANES) {
        int32_t mirror = N - k - (TL_LANES - 1);
        tl_lanes z_re = tl_lowered(tl_load(z->re + k), shift);
        tl_lanes z_im = tl_lowered(tl_load(z->im + k), shift);
        tl_lanes m_re = tl_lowered(tl_load_backwards(z->re + mirror), shift);
        tl_lanes m_im = tl_lowered(tl_load_backwards(z->im + mirror), shift);
        tl_lanes even_re = tl_add(z_re, m_re), even_im = tl_sub(z_im, m_im);
        tl_lanes odd_re = tl_add(z_im, m_im), odd_im = tl_sub(m_re, z_re);
        tl_lanes cos_q15 = tl_load(tl_split_cos_q15 + k - 1);
        tl_lanes sin_q15 = tl_load(tl_split_sin_q15 + k - 1);
        tl_lanes turn_re = tl_add(tl_mul_q15(odd_re, cos_q15), tl_mul_q15(odd_im, sin_q15));
        tl_lanes turn_im = tl_sub(tl_mul_q15(odd_im, cos_q15), tl_mul_q15(odd_re, sin_q15));
        tl_store_power(power + k, tl_add(even_re, turn_re), tl_add(even_im, turn_im));
        tl_store_power_backwards(power + mirror, tl_sub(even_re, turn_re),
                                 tl_sub(even_im, turn_im));
    }
    power[0] = 0;
}

int32_t tl_fft_power(tl_fft *z, tl_fft_out *out) {
    tl_fft *other = &out->work;
    int32_t peak = stage(z, other, 1, 0, tl_turn_q15[0]);
    int32_t shift = shift_for(peak, TURN_LIMIT), shifts = shift;
    peak = stage(other, z, 4, shift, tl_turn_q15[1]);
    shifts += shift = shift_for(peak, TURN_LIMIT);
    peak = stage(z, other, 16, shift, tl_turn_q15[2]);
    shifts += shift = shift_for(peak, SUM_LIMIT);
    peak = stage(other, z, 64, shift, 0);
    shifts += shift = shift_for(peak, SUM_LIMIT);
    split(z, shift, out->power);
    return shifts - 1; /* the split doubles */
}
