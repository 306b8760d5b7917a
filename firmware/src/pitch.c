#include "pitch.h"

#include <string.h>

#include "fixed.h"
#include "turnlight.h"

#define HOP (TL_HOP / 4) /* samples at 4 kHz */
#define HEARD (TL_PITCH_PAST + HOP)
#define SAMPLE_BITS 11
#define FLOOR 1200 /* added to sum(a^2 + b^2): as much as a sine of -79 dBFS has */
#define SHORTEST_LOG2_Q11 TL_Q(9.169925, 11) /* of the shortest lag in Q6 */
/* What a state is worth, and what a step costs; found on the training voices of models/speech. */
#define UNVOICED_Q15 TL_Q(0.32, 15)
#define OCTAVE_Q15 TL_Q(0.045, 15)     /* a longer lag is worth less, per octave */
#define JUMP_Q15 TL_Q(1.1, 15)         /* from peak to peak, per octave */
#define VOICE_CHANGE_Q15 TL_Q(0.4, 15) /* from unvoiced to voiced, or back */

_Static_assert(TL_PITCH_LAGS % 4 == 0, "lags are summed in fours");

void tl_pitch_init(tl_pitch *p) { memset(p, 0, sizeof *p); }

/* Bends, takes means of means of four, and takes the envelope's level off. */
static void condition(tl_pitch *p, const int16_t *hop, int16_t *out) {
    int32_t rising_q4[1 + HOP], mean_q4[HOP];
    rising_q4[0] = p->rising_q4;
    for (int32_t i = 0; i < HOP; i++) {
        int16_t bent[4];
        for (int32_t k = 0; k < 4; k++) {
            int16_t x = hop[4 * i + k];
            int16_t up = (int16_t)(x - (x >> 2)), down = (int16_t)-(x >> 1);
            bent[k] = up > down ? up : down; /* 0..3/4 * 2^15 */
        }
        rising_q4[1 + i] = bent[0] + 2 * bent[1] + 3 * bent[2] + 4 * bent[3];
        mean_q4[i] = 3 * bent[0] + 2 * bent[1] + bent[2];
    }
    for (int32_t i = 0; i < HOP; i++) {
        mean_q4[i] += rising_q4[i]; /* the weights' sum is 16: 0..3/4 * 2^19 */
    }
    p->rising_q4 = rising_q4[HOP];
    int32_t level_q4 = p->level_q4;
    for (int32_t i = 0; i < HOP; i++) {
        /* the level stays among the means, so their distance is within +-3/4 * 2^19 */
        mean_q4[i] -= level_q4;
        level_q4 += mean_q4[i] >> 3;
    }
    p->level_q4 = level_q4;
    for (int32_t i = 0; i < HOP; i++) {
        out[i] = (int16_t)(mean_q4[i] >> 4);
    }
}

/* Shifts the samples right until none needs more than SAMPLE_BITS and a sign. */
static int32_t scale(int16_t x[HEARD]) {
    uint16_t bits = 0;
    for (int32_t i = 0; i < HEARD; i++) {
        bits |= (uint16_t)(x[i] ^ (x[i] >> 15));
    }
    int32_t shift = tl_max(0, 32 - SAMPLE_BITS - __builtin_clz(bits | 1u));
    for (int32_t i = 0; i < HEARD; i++) {
        x[i] = (int16_t)(x[i] >> shift);
    }
    return shift;
}

/* sum(ab) at four lags; a function of its own, and four, because compilers make most of that. */
static void products(const int16_t a[HOP], const int16_t b[HOP + 3], int32_t sums[4]) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0; /* 40 * 2^22 < 2^28 */
    for (int32_t i = 0; i < HOP; i++) {
        s0 += a[i] * b[i];
        s1 += a[i] * b[i + 1];
        s2 += a[i] * b[i + 2];
        s3 += a[i] * b[i + 3];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* The last 10 ms of x against the same, one lag earlier. */
static void correlate(int16_t x[HEARD], tl_pitch_sums *sums) {
    sums->shift = scale(x);
    const int16_t *a = x + TL_PITCH_PAST;
    for (int32_t i = 0; i < TL_PITCH_LAGS; i += 4) {
        products(a, x + i, sums->cross + i);
    }
    int32_t power = 0; /* 80 * 2^22 < 2^29 */
    for (int32_t i = 0; i < HOP; i++) {
        power += a[i] * a[i] + x[i] * x[i];
    }
    /* a lag shorter by one: one sample comes in and one goes */
    sums->power[0] = power;
    for (int32_t i = 1; i < TL_PITCH_LAGS; i++) {
        sums->power[i] = x[i - 1 + HOP] * x[i - 1 + HOP] - x[i - 1] * x[i - 1];
    }
    for (int32_t i = 1; i < TL_PITCH_LAGS; i++) {
        power += sums->power[i];
        sums->power[i] = power;
    }
}

/* Sums over three hops, in the scale of the loudest. */
static void add(const tl_pitch_sums *a, const tl_pitch_sums *b, const tl_pitch_sums *c,
                tl_pitch_sums *sum) {
    sum->shift = tl_max(a->shift, tl_max(b->shift, c->shift));
    int32_t by_a = 2 * (sum->shift - a->shift), by_b = 2 * (sum->shift - b->shift);
    int32_t by_c = 2 * (sum->shift - c->shift), floor = (FLOOR >> (2 * sum->shift)) + 1;
    for (int32_t i = 0; i < TL_PITCH_LAGS; i++) {
        /* 120 products below 2^22, and 240 squares: below 2^29 and 2^30 */
        sum->cross[i] = (a->cross[i] >> by_a) + (b->cross[i] >> by_b) + (c->cross[i] >> by_c);
        sum->power[i] = (a->power[i] >> by_a) + (b->power[i] >> by_b) + (c->power[i] >> by_c) + floor;
    }
}

/* 2 sum(ab) / sum(a^2 + b^2), Q15; only what the shifts cut off can take it beyond +-1. */
static int32_t likeness_q15(const tl_pitch_sums *sum, int32_t i) {
    return (int32_t)((int64_t)sum->cross[i] * 65536 / sum->power[i]); /* Q0 * Q16 / Q0 / 2 = Q15 */
}

/* (3 r - r^2) / 2: as the correlation coefficient of the sound itself, not bent, is distributed. */
static int16_t voicing_q15_of(int32_t r_q15) {
    int32_t r = tl_min(r_q15, 32768);
    return tl_narrow16(tl_min((3 * r - ((r * r) >> 15)) >> 1, 32767)); /* Q15 * Q15 >> 15 = Q15 */
}

/* Lags, longest first, whose product is above the one before, not below the one after, and likely
 * by 1/8; returns how many. Counted without a branch, which no processor could foresee. */
static int32_t tops(const tl_pitch_sums *sum, uint8_t at[TL_PITCH_LAGS / 2]) {
    const int32_t *x = sum->cross;
    int32_t count = 0;
    for (int32_t i = 1; i < TL_PITCH_LAGS - 1; i++) {
        at[count] = (uint8_t)i;
        count += (x[i] > x[i - 1]) & (x[i] >= x[i + 1]) & (x[i] > sum->power[i] >> 4);
    }
    return count;
}

/* The state that a new peak of this worth takes: a free one, or the poorest; 0 where it is poorer. */
static int32_t place(tl_pitch_frame *f, const int32_t worth_q15[TL_PITCH_STATES], int32_t worth) {
    if (f->states < TL_PITCH_STATES) {
        return f->states++;
    }
    int32_t poorest = 1;
    for (int32_t i = 2; i < TL_PITCH_STATES; i++) {
        poorest = worth_q15[i] < worth_q15[poorest] ? i : poorest;
    }
    return worth > worth_q15[poorest] ? poorest : 0;
}

/* The states of a frame, and what each is worth. */
static void find_peaks(const tl_pitch_sums *sum, tl_pitch_frame *f,
                       int32_t worth_q15[TL_PITCH_STATES]) {
    uint8_t at_top[TL_PITCH_LAGS / 2];
    int32_t best_q15 = 0, count = tops(sum, at_top);
    f->states = 1;
    worth_q15[0] = UNVOICED_Q15;
    for (int32_t k = 0; k < count; k++) {
        int32_t i = at_top[k];
        /* the top of the parabola through three points, at most half a lag from the middle one */
        int32_t longer = likeness_q15(sum, i - 1), here = likeness_q15(sum, i);
        int32_t shorter = likeness_q15(sum, i + 1);
        int32_t curve = tl_min(longer - 2 * here + shorter, -1);
        int32_t off_q6 = tl_clamp(32 * (shorter - longer) / curve, -32, 32); /* Q5 * Q15 / Q15 * 2 */
        int32_t lag_q6 = 64 * (TL_PITCH_PAST - i) + off_q6;
        int32_t lag_log2_q11 = tl_log2_q16_of((uint32_t)lag_q6) >> 5; /* Q16 >> 5 = Q11 */
        /* the parabola's height (Q15 * Q6 / 4) and half as much again: with sound up to 2 kHz, a peak
         * is sharper than one; |difference| <= 2^17, so below 2^17 * 2^5 * 3 */
        int32_t top_q15 = here - (shorter - longer) * off_q6 * 3 / 512;
        /* Q15 * Q11 >> 11 = Q15; at most 3 octaves */
        int32_t worth = top_q15 - ((OCTAVE_Q15 * (lag_log2_q11 - SHORTEST_LOG2_Q11)) >> 11);
        best_q15 = tl_max(best_q15, here);
        int32_t at = place(f, worth_q15, worth);
        if (at != 0) {
            worth_q15[at] = worth;
            f->lag_q6[at] = tl_narrow16(lag_q6);
            f->lag_log2_q11[at] = tl_narrow16(lag_log2_q11);
        }
    }
    f->voicing_q15 = voicing_q15_of(best_q15);
}

static int32_t cost_q15(const tl_pitch_frame *a, int32_t from, const tl_pitch_frame *b, int32_t to) {
    if (from == 0 || to == 0) {
        return from == to ? 0 : VOICE_CHANGE_Q15;
    }
    /* at most 3 octaves: below 2^16 * 2^13; Q15 * Q11 >> 11 = Q15 */
    return (JUMP_Q15 * tl_abs(a->lag_log2_q11[from] - b->lag_log2_q11[to])) >> 11;
}

/* Takes the best paths one frame on; returns the state in which the best of all ends. */
static int32_t step(tl_pitch *p, const int32_t worth_q15[TL_PITCH_STATES]) {
    const tl_pitch_frame *before = &p->frames[1];
    tl_pitch_frame *now = &p->frames[0];
    int32_t path_q15[TL_PITCH_STATES], best = 0;
    for (int32_t to = 0; to < now->states; to++) {
        int32_t most = p->path_q15[0] - cost_q15(before, 0, now, to);
        now->from[to] = 0;
        for (int32_t from = 1; from < before->states; from++) {
            int32_t sum = p->path_q15[from] - cost_q15(before, from, now, to);
            if (sum > most) {
                most = sum;
                now->from[to] = (uint8_t)from;
            }
        }
        path_q15[to] = most + worth_q15[to];
        best = path_q15[to] > path_q15[best] ? to : best;
    }
    /* only differences matter: against the best, at most one step's cost and worth, below 2^18 */
    for (int32_t to = 0; to < now->states; to++) {
        p->path_q15[to] = path_q15[to] - path_q15[best];
    }
    return best;
}

void tl_pitch_push(tl_pitch *p, const int16_t *hop, tl_pitch_result *out) {
    int16_t x[HEARD];
    memcpy(x, p->past, sizeof p->past);
    condition(p, hop, x + TL_PITCH_PAST);
    memcpy(p->past, x + HOP, sizeof p->past);
    tl_pitch_sums newest, sum;
    correlate(x, &newest);
    add(&newest, &p->older[0], &p->older[1], &sum);
    p->older[p->oldest] = newest;
    p->oldest = !p->oldest;

    memmove(&p->frames[1], &p->frames[0], TL_PITCH_LATE * sizeof p->frames[0]);
    int32_t worth_q15[TL_PITCH_STATES];
    find_peaks(&sum, &p->frames[0], worth_q15);
    int32_t at = step(p, worth_q15);
    out->quick_lag_log2_q11 = at == 0 ? 0 : p->frames[0].lag_log2_q11[at];
    for (int32_t i = 0; i < TL_PITCH_LATE; i++) {
        at = p->frames[i].from[at];
    }
    const tl_pitch_frame *told = &p->frames[TL_PITCH_LATE];
    int32_t lag_q6 = told->lag_q6[at];
    /* 4000 Hz Q10 / lag Q6 = Q4 */
    out->f0_hz_q4 = (uint16_t)(at == 0 ? 0 : (4000 * 1024 + lag_q6 / 2) / lag_q6);
    out->voicing_q15 = told->voicing_q15;
    out->quick_q15 = p->frames[0].voicing_q15;
}
