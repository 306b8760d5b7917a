#include "net.h"

#include <string.h>

#include "simd.h"

#define UNITS TL_NET_UNITS
#define ODDS_MOST TL_Q(8, 8)
#define BLOCK 16 /* units at a time: their sums are few enough for a small stack */

enum { RESET, UPDATE, OWN, GATES }; /* as their rows follow each other */

_Static_assert(TL_NET_SEEN % 32 == 0 && UNITS % 32 == 0, "sums go by 32 products");
_Static_assert(UNITS % BLOCK == 0 && BLOCK % TL_LANES == 0, "units go by blocks, and these by lanes");

void tl_net_init(tl_net *n) { memset(n, 0, sizeof *n); }

/* tanh, held at +-4: 1 - tanh(y) is the eighth power of a polynomial in y, within 0.0007. */
static inline tl_lanes tanh_q15(tl_lanes y_q13) {
    static const int16_t terms_q14[] = {TL_Q(1.6855, 14), TL_Q(-1.0172, 14), TL_Q(-0.4944, 14),
                                        TL_Q(0.9999, 14)};
    tl_lanes y_q15 = tl_size(y_q13); /* of 4 */
    tl_lanes root_q14 = tl_all(TL_Q(-0.7911, 14));
    for (int32_t i = 0; i < 4; i++) { /* below 1.7 after each step */
        root_q14 = tl_add(tl_mul_q15(root_q14, y_q15), tl_all(terms_q14[i])); /* Q14 Q15 >> 15 */
    }
    tl_lanes power_q15 = tl_raised(root_q14, 1); /* 0.38..0.9999 */
    for (int32_t i = 0; i < 3; i++) {
        power_q15 = tl_mul_q15(power_q15, power_q15);
    }
    return tl_signed_as(tl_sub(tl_all(INT16_MAX), power_q15), y_q13);
}

/* The logistic function of x is half of 1 + tanh(x / 2). */
static inline tl_lanes logistic_q15(tl_lanes half_x_q13) {
    return tl_add(tl_all(1 << 14), tl_lowered(tanh_q15(half_x_q13), 1)); /* 0..32767 */
}

static void round_memory(const tl_net *n, int8_t kept_q6[UNITS]) {
    for (int32_t u = 0; u < UNITS; u++) {
        kept_q6[u] = (int8_t)((n->memory_q15[u] + (1 << 8)) >> 9); /* -64..64 */
    }
}

/* Each unit's sums, as its gates take them. */
typedef struct {
    int16_t half_reset_q13[BLOCK], half_update_q13[BLOCK], seen_q11[BLOCK], kept_q11[BLOCK];
} unit_sums;

/* Sums of at most 256 products below 2^13, four times as much at most: with a bias below 2^23 they
 * stay far below 2^31. */
static void add_up(const int8_t seen_q5[TL_NET_SEEN], const int8_t kept_q6[UNITS], int32_t first,
                   unit_sums *s) {
    int32_t seen_q11[GATES][BLOCK], kept_q12[GATES][BLOCK];
    for (int32_t gate = 0; gate < GATES; gate++) {
        for (int32_t u = 0; u < BLOCK; u += 4) {
            int32_t row = gate * UNITS + first + u;
            const int8_t *rows_q6 = tl_net_weights_q6[row];
            tl_dot_four(seen_q5, rows_q6, TL_NET_SEEN + UNITS, TL_NET_SEEN,
                        tl_net_seen_sums_q6 + row, seen_q11[gate] + u);
            tl_dot_four(kept_q6, rows_q6 + TL_NET_SEEN, TL_NET_SEEN + UNITS, UNITS,
                        tl_net_kept_sums_q6 + row, kept_q12[gate] + u);
        }
    }
    const int32_t *bias_q13 = tl_net_bias_q13 + first, *kept_bias_q13 = tl_net_kept_bias_q13 + first;
    for (int32_t u = 0; u < BLOCK; u++) {
        int32_t reset_q13 = bias_q13[u] + 4 * seen_q11[RESET][u] + 2 * kept_q12[RESET][u];
        int32_t update_q13 =
            bias_q13[UPDATE * UNITS + u] + 4 * seen_q11[UPDATE][u] + 2 * kept_q12[UPDATE][u];
        int32_t own_q13 = bias_q13[OWN * UNITS + u] + 4 * seen_q11[OWN][u];
        s->half_reset_q13[u] = tl_saturate16((reset_q13 + 1) >> 1);
        s->half_update_q13[u] = tl_saturate16((update_q13 + 1) >> 1);
        s->seen_q11[u] = tl_saturate16((own_q13 + 2) >> 2);
        s->kept_q11[u] = tl_saturate16((kept_bias_q13[u] + 2 * kept_q12[OWN][u] + 2) >> 2);
    }
}

static void remember(const unit_sums *s, int16_t memory_q15[BLOCK]) {
    for (int32_t u = 0; u < BLOCK; u += TL_LANES) {
        tl_lanes reset_q15 = logistic_q15(tl_load(s->half_reset_q13 + u));
        tl_lanes update_q15 = logistic_q15(tl_load(s->half_update_q13 + u));
        tl_lanes own_q11 = tl_mul_q15(tl_load(s->kept_q11 + u), reset_q15);
        tl_lanes sum_q11 = tl_add_held(own_q11, tl_load(s->seen_q11 + u));
        tl_lanes sum_q12 = tl_add_held(sum_q11, sum_q11);
        tl_lanes candidate_q15 = tanh_q15(tl_add_held(sum_q12, sum_q12));
        /* shares of the two that add up to less than 1, so the sum fits */
        tl_lanes stays_q15 = tl_mul_q15(tl_load(memory_q15 + u), update_q15);
        tl_lanes comes_q15 = tl_mul_q15(candidate_q15, tl_sub(tl_all(INT16_MAX), update_q15));
        tl_store(memory_q15 + u, tl_add(stays_q15, comes_q15));
    }
}

void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_NET_ODDS]) {
    int8_t seen_q5[TL_NET_SEEN] = {0}, kept_q6[UNITS];
    memcpy(seen_q5, evidence, TL_EVIDENCE);
    round_memory(n, kept_q6);
    for (int32_t first = 0; first < UNITS; first += BLOCK) {
        unit_sums s;
        add_up(seen_q5, kept_q6, first, &s);
        remember(&s, n->memory_q15 + first);
    }
    for (int32_t i = 0; i < TL_NET_ODDS; i++) {
        int32_t sum_q21 = 0; /* UNITS products below 2^22: below 2^29 */
        for (int32_t u = 0; u < UNITS; u++) {
            sum_q21 += n->memory_q15[u] * tl_net_out_q6[i][u];
        }
        int32_t sum_q13 = tl_net_out_bias_q13[i] + ((sum_q21 + (1 << 7)) >> 8);
        odds_q8[i] = (int16_t)tl_clamp((sum_q13 + (1 << 4)) >> 5, -ODDS_MOST, ODDS_MOST);
    }
}
