#include "net.h"

#include <string.h>

#include "simd.h"

#define UNITS TL_NET_UNITS
#define ODDS_MOST TL_Q(8, 8)

_Static_assert(TL_NET_SEEN % 32 == 0 && UNITS % 32 == 0, "sums go by 32 products");

void tl_net_init(tl_net *n) { memset(n, 0, sizeof *n); }

static int32_t gate_q15(int32_t sum_q13) {
    return tl_logistic_q15_of((sum_q13 + (1 << 4)) >> 5); /* Q13 >> 5 = Q8 */
}

/* tanh(x) = 2 logistic(2 x) - 1 */
static int32_t tanh_q15(int32_t sum_q13) {
    return 2 * tl_logistic_q15_of((sum_q13 + (1 << 3)) >> 4) - 32768; /* 2 x: Q13 >> 4 = Q8 */
}

static int8_t q7_of(int16_t memory_q15) {
    return (int8_t)tl_min((memory_q15 + (1 << 7)) >> 8, 127); /* from -127 on, as memory is */
}

/* Sums of at most 192 products below 2^14, four times as much at most: with a bias below 2^23 they
 * stay far below 2^31. */
void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_CHANNELS]) {
    int8_t seen_q5[TL_NET_SEEN] = {0}, kept_q7[UNITS];
    memcpy(seen_q5, evidence, TL_EVIDENCE);
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q7[u] = q7_of(n->memory_q15[u]);
    }
    for (int32_t u = 0; u < UNITS; u++) {
        int32_t seen_q11[3], kept_q13[3];
        for (int32_t gate = 0; gate < 3; gate++) {
            const int8_t *row_q6 = tl_net_weights_q6[gate * UNITS + u];
            seen_q11[gate] = tl_dot(seen_q5, row_q6, TL_NET_SEEN);
            kept_q13[gate] = tl_dot(kept_q7, row_q6 + TL_NET_SEEN, UNITS);
        }
        int32_t reset_q15 = gate_q15(tl_net_bias_q13[u] + 4 * seen_q11[0] + kept_q13[0]);
        int32_t update_q15 = gate_q15(tl_net_bias_q13[UNITS + u] + 4 * seen_q11[1] + kept_q13[1]);
        int64_t own_q28 = (int64_t)(tl_net_kept_bias_q13[u] + kept_q13[2]) * reset_q15;
        int32_t candidate_q15 = tanh_q15(tl_net_bias_q13[2 * UNITS + u] + 4 * seen_q11[2] +
                                         tl_narrow32(own_q28 >> 15));
        /* |distance| < 2^16 and update < 2^15 - 10, so the product and its rounding fit 31 bits */
        int32_t distance_q15 = n->memory_q15[u] - candidate_q15;
        int32_t memory_q15 = candidate_q15 + ((distance_q15 * update_q15 + (1 << 14)) >> 15);
        n->memory_q15[u] = (int16_t)tl_clamp(memory_q15, -32512, 32767);
    }
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q7[u] = q7_of(n->memory_q15[u]);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        int32_t sum_q13 = tl_net_out_bias_q13[c] + tl_dot(kept_q7, tl_net_out_q6[c], UNITS);
        odds_q8[c] = (int16_t)tl_clamp((sum_q13 + (1 << 4)) >> 5, -ODDS_MOST, ODDS_MOST);
    }
}
