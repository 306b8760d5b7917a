#include "pitch.h"

#include <string.h>

#include "fixed.h"
#include "turnlight.h"

#define DECIMATED (TL_HOP / 4)
#define LAGS (TL_PITCH_LAG_MAX - TL_PITCH_LAG_MIN + 1)
#define VOICED_Q15 TL_Q(0.55, 15)
#define KEEP_OCTAVE_Q15 TL_Q(0.92, 15) /* a shorter lag wins from this share of the best on */
#define LEAST_ENERGY 3000              /* per 30 ms at 4 kHz: -62 dBFS */

void tl_pitch_init(tl_pitch *p) { memset(p, 0, sizeof *p); }

static void decimate(tl_pitch *p, const int16_t *hop) {
    memmove(p->taps, p->taps + TL_HOP, TL_PITCH_TAPS * sizeof p->taps[0]);
    memcpy(p->taps + TL_PITCH_TAPS, hop, TL_HOP * sizeof hop[0]);
    memmove(p->past, p->past + DECIMATED, (TL_PITCH_PAST - DECIMATED) * sizeof p->past[0]);
    int16_t *out = p->past + TL_PITCH_PAST - DECIMATED;
    for (int32_t i = 0; i < DECIMATED; i++) {
        const int16_t *x = p->taps + 4 * i + 4;
        int32_t sum_q15 = 1 << 14; /* the taps' absolute sum is 1.62: below 2^15 * 2^15.7 < 2^31 */
        for (int32_t k = 0; k < TL_PITCH_TAPS; k++) {
            sum_q15 += x[k] * tl_pitch_taps_q15[k];
        }
        out[i] = tl_saturate16(sum_q15 >> 15); /* Q0 * Q15 >> 15 = Q0 */
    }
}

static uint64_t root(uint64_t x) {
    uint64_t r = 0;
    for (uint64_t bit = UINT64_C(1) << 62; bit != 0; bit >>= 2) {
        if (x >= r + bit) {
            x -= r + bit;
            r = (r >> 1) + bit;
        } else {
            r >>= 1;
        }
    }
    return r;
}

/* Normalised correlation of two windows with these energies, Q15; negative ones count as 0. */
static int16_t normalised_q15(int64_t cross, uint64_t a, uint64_t b) {
    if (cross <= 0 || a < LEAST_ENERGY || b < LEAST_ENERGY) {
        return 0;
    }
    /* energies are below 120 * 2^30 < 2^37: each root in Q6 keeps their product below 2^50 */
    uint64_t scale_q12 = root(a << 12) * root(b << 12);
    return (int16_t)tl_min((int32_t)((((uint64_t)cross << 15)) / ((scale_q12 >> 12) + 1)), 32767);
}

static uint64_t energy(const int16_t *x) {
    uint64_t sum = 0;
    for (int32_t i = 0; i < TL_PITCH_WINDOW; i++) {
        sum += (uint64_t)((int32_t)x[i] * x[i]);
    }
    return sum;
}

/* Correlation at every lag between the window's pair that is centred on the same moment. */
static void correlate(const int16_t *past, int16_t r_q15[LAGS]) {
    for (int32_t lag = TL_PITCH_LAG_MIN; lag <= TL_PITCH_LAG_MAX; lag++) {
        const int16_t *a = past + (TL_PITCH_PAST - TL_PITCH_WINDOW - lag) / 2;
        const int16_t *b = a + lag;
        int64_t cross = 0; /* 120 * 2^30 < 2^37 */
        for (int32_t i = 0; i < TL_PITCH_WINDOW; i++) {
            cross += (int32_t)a[i] * b[i];
        }
        r_q15[lag - TL_PITCH_LAG_MIN] = normalised_q15(cross, energy(a), energy(b));
    }
}

/* The peak's lag in Q4, by a parabola through three points. */
static int32_t refine_q4(const int16_t r_q15[LAGS], int32_t i) {
    int32_t before = r_q15[i - 1], here = r_q15[i], after = r_q15[i + 1];
    int32_t curve = before - 2 * here + after;
    int32_t lag_q4 = (i + TL_PITCH_LAG_MIN) * 16;
    return curve >= 0 ? lag_q4 : lag_q4 + tl_clamp(8 * (before - after) / curve, -8, 8);
}

void tl_pitch_push(tl_pitch *p, const int16_t *hop, tl_pitch_result *out) {
    int16_t r_q15[LAGS];
    decimate(p, hop);
    correlate(p->past, r_q15);
    int32_t best = 0;
    for (int32_t i = 1; i + 1 < LAGS; i++) {
        if (r_q15[i] >= r_q15[i - 1] && r_q15[i] > r_q15[i + 1] && r_q15[i] > r_q15[best]) {
            best = i;
        }
    }
    out->voicing_q15 = best == 0 ? 0 : r_q15[best];
    out->f0_hz_q4 = 0;
    if (best == 0 || r_q15[best] < VOICED_Q15) {
        p->last_lag_q4 = 0;
        return;
    }
    int32_t enough_q15 = (r_q15[best] * KEEP_OCTAVE_Q15) >> 15;
    int32_t chosen = best;
    for (int32_t i = 1; i < best; i++) {
        if (r_q15[i] >= enough_q15 && r_q15[i] >= r_q15[i - 1] && r_q15[i] > r_q15[i + 1]) {
            chosen = i;
            break;
        }
    }
    /* a jump by about an octave against the frame before is taken only when it is clearly better */
    if (p->last_lag_q4 != 0) {
        int32_t near = p->last_lag_q4 / 16 - TL_PITCH_LAG_MIN;
        int32_t radius = tl_max(2, near / 6), kept = chosen;
        for (int32_t i = tl_max(1, near - radius); i <= tl_min(LAGS - 2, near + radius); i++) {
            if (r_q15[i] >= enough_q15 && r_q15[i] >= r_q15[i - 1] && r_q15[i] >= r_q15[i + 1]) {
                kept = kept == chosen || r_q15[i] > r_q15[kept] ? i : kept;
            }
        }
        chosen = kept;
    }
    int32_t lag_q4 = refine_q4(r_q15, chosen);
    p->last_lag_q4 = (int16_t)lag_q4;
    /* 4000 Hz Q8 / lag Q4 = Q4 */
    out->f0_hz_q4 = (uint16_t)((4000 * 256 + lag_q4 / 2) / lag_q4);
}
