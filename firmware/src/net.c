#include "net.h"

#include <string.h>

#include "simd.h"

#define UNITS TL_NET_UNITS
#define ODDS_MOST TL_Q(8, 8)

void tl_net_init(tl_net *n) { memset(n, 0, sizeof *n); }

static int32_t gate_q15(int32_t sum_q22) {
    return tl_logistic_q15_of((sum_q22 + (1 << 13)) >> 14); /* Q22 >> 14 = Q8 */
}

/* tanh(x) = 2 logistic(2 x) - 1 */
static int32_t tanh_q15(int32_t sum_q22) {
    return 2 * tl_logistic_q15_of((sum_q22 + (1 << 12)) >> 13) - 32768; /* 2 x: Q22 >> 13 = Q8 */
}

/* The sums fit 31 bits: each row's sum of |weight| times the largest value that it meets is checked
 * where the weights are written. */
void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_CHANNELS]) {
    int16_t met_q11[TL_NET_SEEN + UNITS] = {0}; /* evidence, zeros, memory */
    int16_t *kept_q11 = met_q11 + TL_NET_SEEN;
    for (int32_t i = 0; i < TL_EVIDENCE; i++) {
        met_q11[i] = (int16_t)(evidence[i] * 64); /* Q5 << 6 = Q11 */
    }
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q11[u] = (int16_t)((n->memory_q15[u] + 8) >> 4); /* Q15 >> 4 = Q11 */
    }
    for (int32_t u = 0; u < UNITS; u++) {
        const int16_t *reset_q11 = tl_net_weights_q11[u];
        const int16_t *update_q11 = tl_net_weights_q11[UNITS + u];
        const int16_t *candidate_q11 = tl_net_weights_q11[2 * UNITS + u];
        /* Q11 * Q11 = Q22 */
        int32_t reset_q15 = gate_q15(tl_net_bias_q22[u] +
                                     tl_dot(met_q11, reset_q11, TL_NET_SEEN + UNITS));
        int32_t update_q15 = gate_q15(tl_net_bias_q22[UNITS + u] +
                                      tl_dot(met_q11, update_q11, TL_NET_SEEN + UNITS));
        int32_t seen_q22 =
            tl_net_bias_q22[2 * UNITS + u] + tl_dot(met_q11, candidate_q11, TL_NET_SEEN);
        int32_t kept_q22 =
            tl_net_kept_bias_q22[u] + tl_dot(kept_q11, candidate_q11 + TL_NET_SEEN, UNITS);
        int32_t candidate_q15 =
            tanh_q15(seen_q22 + tl_narrow32(((int64_t)kept_q22 * reset_q15) >> 15));
        /* |distance| < 2^16 and update < 2^15 - 10, so the product and its rounding fit 31 bits */
        int32_t distance_q15 = n->memory_q15[u] - candidate_q15;
        int32_t memory_q15 = candidate_q15 + ((distance_q15 * update_q15 + (1 << 14)) >> 15);
        n->memory_q15[u] = (int16_t)tl_clamp(memory_q15, -32767, 32767);
    }
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q11[u] = (int16_t)((n->memory_q15[u] + 8) >> 4);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        int32_t sum_q22 = tl_net_out_bias_q22[c] + tl_dot(kept_q11, tl_net_out_q11[c], UNITS);
        odds_q8[c] = (int16_t)tl_clamp((sum_q22 + (1 << 13)) >> 14, -ODDS_MOST, ODDS_MOST);
    }
}
