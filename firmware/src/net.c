#include "net.h"

#include <string.h>

#include "fixed.h"

/* frames before the newest one that the first layer sees */
static const uint8_t look_back[TL_NET_LOOKS] = {0, 1, 2, 3, 4, 6, 9, 13, 19};

void tl_net_init(tl_net *n) { memset(n, 0, sizeof *n); }

static int32_t dot(const int8_t *x, const int8_t *w, int32_t count) {
    int32_t sum = 0; /* at most 450 * 2^14 < 2^23 */
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

static int8_t activate(int32_t sum, int32_t shift) {
    return (int8_t)tl_clamp((sum + (1 << (shift - 1))) >> shift, 0, 127);
}

void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_CHANNELS]) {
    n->at = (uint8_t)(n->at + 1 == TL_NET_FRAMES ? 0 : n->at + 1);
    memcpy(n->evidence[n->at], evidence, TL_EVIDENCE);
    if (!n->started) { /* the past before the first frame looks like the first frame */
        for (int32_t k = 0; k < TL_NET_FRAMES; k++) {
            memcpy(n->evidence[k], evidence, TL_EVIDENCE);
        }
        n->started = 1;
    }
    int8_t first[TL_NET_FIRST], second[TL_NET_SECOND];
    for (int32_t h = 0; h < TL_NET_FIRST; h++) {
        int32_t sum = tl_net_bias1[h];
        for (int32_t k = 0; k < TL_NET_LOOKS; k++) {
            int32_t frame = n->at - look_back[k];
            sum += dot(n->evidence[frame < 0 ? frame + TL_NET_FRAMES : frame],
                       tl_net_weight1[h] + k * TL_EVIDENCE, TL_EVIDENCE);
        }
        first[h] = activate(sum, 7); /* 1/32 * 1/64 -> 1/16 */
    }
    for (int32_t h = 0; h < TL_NET_SECOND; h++) {
        second[h] = activate(tl_net_bias2[h] + dot(first, tl_net_weight2[h], TL_NET_FIRST), 6);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        int32_t sum = tl_net_bias3[c] + dot(second, tl_net_weight3[c], TL_NET_SECOND);
        odds_q8[c] = (int16_t)tl_clamp(sum >> 2, TL_Q(-8, 8), TL_Q(8, 8)); /* 1/1024 -> Q8 */
    }
}
