#include "bands.h"

#include <string.h>

#include "fft.h"
#include "simd.h"
#include "tables.h"

#define HALF (TL_WINDOW_N / 2)
#define FIRST tl_band_edge[0]
#define END tl_band_edge[TL_BANDS]

/* Windows the samples, raised together as far as 16 bits allow. Returns how far, or -1 where all
 * are 0. The window's Q12 leaves |x| <= 4096, TL_FFT_LIMIT. */
static int32_t windowed(const int16_t samples[TL_WINDOW_N], tl_fft *z) {
    tl_lanes peak = tl_zero();
    for (int32_t i = 0; i < HALF; i += TL_LANES) {
        peak = tl_larger(peak, tl_size(tl_load(samples + i)));
        peak = tl_larger(peak, tl_size(tl_load(samples + i + HALF)));
    }
    int32_t size = tl_largest(peak);
    if (size == 0) {
        return -1;
    }
    int32_t raised = __builtin_clz((uint32_t)size) - 17; /* 0 from 16384 on, 14 for 1 */
    for (int32_t i = 0; i < HALF; i += TL_LANES) {
        tl_lanes even, odd;
        tl_load_pairs(samples + 2 * i, &even, &odd);
        /* Q0 * Q12 >> 15 = Q-3 */
        tl_store(z->re + i, tl_mul_q15(tl_raised(even, raised), tl_load(tl_window_q12[0] + i)));
        tl_store(z->im + i, tl_mul_q15(tl_raised(odd, raised), tl_load(tl_window_q12[1] + i)));
    }
    memset(z->re + HALF, 0, sizeof z->re - HALF * sizeof z->re[0]);
    memset(z->im + HALF, 0, sizeof z->im - HALF * sizeof z->im[0]);
    return raised;
}

/* Level of power * 4^exponent; power is at most 33 bins of 2^31 and the exponent within +-31. */
static int16_t level_of(uint64_t power, int32_t exponent) {
    if (power == 0) {
        return TL_BANDS_LEAST;
    }
    int64_t log2_q16 = tl_log2_q16_of(power) + 2 * exponent * 65536;
    /* Q16 * Q13 >> 21 = Q8; |log2| < 128, so the product is below 2^23 * 2^15 = 2^38 */
    int32_t db_q8 = (int32_t)((log2_q16 * TL_Q(3.010299957, 13) + (1 << 20)) >> 21);
    return tl_narrow16(tl_max(db_q8 + TL_BAND_OFFSET_DB_Q8, TL_BANDS_LEAST));
}

/* From the first bin whose neighbours both lie in the telephone band: no tone of the line is lower
 * (350 Hz), and a voice's fundamental is. */
#define PEAK_FIRST (tl_band_edge[TL_TELEPHONE_FIRST] + 1)
#define PEAK_END (tl_band_edge[TL_TELEPHONE_END] - 1)

/* The strongest bin. It and two bins on either side are added to the sum and to its first moment,
 * and cleared. */
static uint8_t take_peak(int32_t power[TL_BINS], uint64_t *sum, uint64_t *moment) {
    int32_t strongest = 0, best = PEAK_FIRST;
    for (int32_t k = PEAK_FIRST; k < PEAK_END; k++) {
        strongest = tl_max(strongest, power[k]);
    }
    while (power[best] != strongest) {
        best++;
    }
    for (int32_t k = best - 2; k <= best + 2; k++) {
        *sum += (uint32_t)power[k];
        *moment += (uint64_t)power[k] * (uint32_t)k; /* 2^39 in all bins, * 127 < 2^46 */
        power[k] = 0;
    }
    return (uint8_t)best;
}

void tl_bands_of(const int16_t *samples, tl_bands *out) {
    tl_fft z;
    tl_fft_out spectrum;
    int32_t raised = windowed(samples, &z);
    memset(out, 0, sizeof *out);
    out->silent = raised < 0;
    if (out->silent) {
        for (int32_t b = 0; b < TL_BANDS; b++) {
            out->db_q8[b] = TL_BANDS_LEAST;
        }
        return;
    }
    int32_t exponent = tl_fft_power(&z, &spectrum) + 3 - raised;

    uint64_t total = 0; /* 240 bins below 2^31: below 2^39 */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        uint64_t sum = 0;
        for (int32_t k = tl_band_edge[b]; k < tl_band_edge[b + 1]; k++) {
            sum += (uint32_t)spectrum.power[k];
        }
        out->db_q8[b] = level_of(sum, exponent);
        total += sum;
    }
    uint64_t peaks = 0, moment = 0;
    out->peak_bin[0] = take_peak(spectrum.power, &peaks, &moment);
    out->peak_bin[1] = take_peak(spectrum.power, &peaks, &moment);
    out->peak_centre_q4 = (int16_t)((moment << 4) / (peaks + 1)); /* Q4 / Q0 = Q4 */
    out->peak_share_q15 = (int16_t)(total == 0 ? 0 : tl_min((int32_t)((peaks << 15) / total), 32767));
}
