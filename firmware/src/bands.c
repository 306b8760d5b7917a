#include "bands.h"

#include <string.h>

#include "fft.h"
#include "fixed.h"

/* |X|^2 is in Q8 (samples are Q4) */
#define POWER_Q8_DB TL_DB(24.0824)

static int16_t level_of(uint64_t power_q8) {
    int32_t db_q8 = TL_DB(-100);
    if (power_q8 > 0) {
        db_q8 = tl_max(db_q8, tl_db_q8_of(power_q8) - POWER_Q8_DB + TL_BAND_OFFSET_DB_Q8);
    }
    return tl_narrow16(db_q8);
}

/* Sum of the five bins around the strongest one, which are then cleared. */
static uint64_t take_peak(uint64_t power[TL_BINS]) {
    int32_t best = 2;
    for (int32_t k = 3; k < TL_BINS - 2; k++) {
        if (power[k] > power[best]) {
            best = k;
        }
    }
    uint64_t sum = 0;
    for (int32_t k = best - 2; k <= best + 2; k++) {
        sum += power[k];
        power[k] = 0;
    }
    return sum;
}

void tl_bands_of(const int16_t *samples, tl_bands *out) {
    int32_t data[TL_FFT_N];
    uint64_t power[TL_BINS];
    for (int32_t i = 0; i < TL_WINDOW_N; i++) {
        data[i] = (samples[i] * tl_window_q15[i] + (1 << 10)) >> 11; /* Q0 * Q15 >> 11 = Q4 */
    }
    memset(data + TL_WINDOW_N, 0, (TL_FFT_N - TL_WINDOW_N) * sizeof data[0]);
    tl_fft_power(data, power);

    uint64_t total = 0; /* 257 bins of at most 2^56 in the mean (Parseval): below 2^64 */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        uint64_t sum = 0;
        for (int32_t k = tl_band_edge[b]; k < tl_band_edge[b + 1]; k++) {
            sum += power[k];
        }
        out->db_q8[b] = level_of(sum);
        total += sum;
    }
    memset(power, 0, tl_band_edge[0] * sizeof power[0]);
    memset(power + tl_band_edge[TL_BANDS], 0,
           (TL_BINS - tl_band_edge[TL_BANDS]) * sizeof power[0]);
    uint64_t peaks = take_peak(power);
    peaks += take_peak(power);
    /* both halved until the quotient's numerator fits: total < 2^48 */
    while (total >= (UINT64_C(1) << 48)) {
        total >>= 1;
        peaks >>= 1;
    }
    out->peak_share_q15 = (int16_t)(total == 0 ? 0 : tl_min((int32_t)((peaks << 15) / total), 32767));
}
