#include "net.h"

#include <string.h>

#include "fixed.h"

#define UNITS TL_NET_UNITS
#define ODDS_MOST TL_Q(8, 8)

void tl_net_init(tl_net *n) { memset(n, 0, sizeof *n); }

/* Both lengths are known to the compiler, which makes vector code of it. The sums fit: each row's
 * sum of |weight| times the largest |x| is checked where the weights are written. */
static inline int32_t dot(const int16_t *x, const int16_t *w, int32_t count) {
    int32_t sum_q22 = 0;
    for (int32_t i = 0; i < count; i++) {
        sum_q22 += x[i] * w[i]; /* Q11 * Q11 = Q22 */
    }
    return sum_q22;
}

static int32_t gate_q15(int32_t sum_q22) {
    return tl_logistic_q15_of((sum_q22 + (1 << 13)) >> 14); /* Q22 >> 14 = Q8 */
}

/* tanh(x) = 2 logistic(2 x) - 1 */
static int32_t tanh_q15(int32_t sum_q22) {
    return 2 * tl_logistic_q15_of((sum_q22 + (1 << 12)) >> 13) - 32768; /* 2 x: Q22 >> 13 = Q8 */
}

void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_CHANNELS]) {
    int16_t seen_q11[TL_EVIDENCE], kept_q11[UNITS];
    for (int32_t i = 0; i < TL_EVIDENCE; i++) {
        seen_q11[i] = (int16_t)(evidence[i] * 64); /* Q5 << 6 = Q11 */
    }
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q11[u] = (int16_t)((n->memory_q15[u] + 8) >> 4); /* Q15 >> 4 = Q11 */
    }
    for (int32_t u = 0; u < UNITS; u++) {
        int32_t sum_q22[3], kept_q22[3]; /* reset, update, candidate */
        for (int32_t g = 0; g < 3; g++) {
            int32_t row = g * UNITS + u;
            sum_q22[g] = tl_net_bias_q22[row] + dot(seen_q11, tl_net_seen_q11[row], TL_EVIDENCE);
            kept_q22[g] = dot(kept_q11, tl_net_kept_q11[row], UNITS);
        }
        int32_t reset_q15 = gate_q15(sum_q22[0] + kept_q22[0]);
        int32_t update_q15 = gate_q15(sum_q22[1] + kept_q22[1]);
        int64_t again_q37 = (int64_t)(kept_q22[2] + tl_net_kept_bias_q22[u]) * reset_q15;
        int32_t candidate_q15 = tanh_q15(sum_q22[2] + tl_narrow32(again_q37 >> 15));
        /* |distance| < 2^16 and update < 2^15 - 10, so the product and its rounding fit 31 bits */
        int32_t distance_q15 = n->memory_q15[u] - candidate_q15;
        int32_t memory_q15 = candidate_q15 + ((distance_q15 * update_q15 + (1 << 14)) >> 15);
        n->memory_q15[u] = (int16_t)tl_clamp(memory_q15, -32767, 32767);
    }
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q11[u] = (int16_t)((n->memory_q15[u] + 8) >> 4);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        int32_t sum_q22 = tl_net_out_bias_q22[c] + dot(kept_q11, tl_net_out_q11[c], UNITS);
        odds_q8[c] = (int16_t)tl_clamp((sum_q22 + (1 << 13)) >> 14, -ODDS_MOST, ODDS_MOST);
    }
}
