/* Fixed-point helpers: every Q operation of the core that is more than a shift.
 *
 * Built with -DTL_CHECKED each narrowing traps when it loses a bit; otherwise it saturates
 * nothing and costs nothing. The callers state why they cannot overflow.
 */
#ifndef TL_FIXED_H
#define TL_FIXED_H

#include <stdint.h>

#include "tables.h"

/* A decimal constant in Qq, rounded away from zero at .5; folded by the compiler. */
#define TL_Q(x, q) ((int32_t)((x) * (1 << (q)) + ((x) < 0 ? -0.5 : 0.5)))
/* A decimal number of dB in Q8. */
#define TL_DB(x) ((int16_t)TL_Q(x, 8))

/* Where a tone, music or a syllable is looked for, every sound below is the same silence. */
#define TL_SILENT TL_DB(-75)

static inline int32_t tl_narrow32(int64_t x) {
#ifdef TL_CHECKED
    if (x > INT32_MAX || x < INT32_MIN) {
        __builtin_trap();
    }
#endif
    return (int32_t)x;
}

static inline int16_t tl_narrow16(int32_t x) {
#ifdef TL_CHECKED
    if (x > INT16_MAX || x < INT16_MIN) {
        __builtin_trap();
    }
#endif
    return (int16_t)x;
}

static inline int32_t tl_clamp(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : (x > high ? high : x);
}

static inline int16_t tl_saturate16(int32_t x) {
    return (int16_t)tl_clamp(x, INT16_MIN, INT16_MAX);
}

static inline int32_t tl_abs(int32_t x) { return x < 0 ? -x : x; }

static inline int32_t tl_max(int32_t a, int32_t b) { return a > b ? a : b; }

static inline int32_t tl_min(int32_t a, int32_t b) { return a < b ? a : b; }

/* Q30 product, rounded: |a| < 2^31, |b| <= 2^30, so the 64-bit product stays below 2^61. */
static inline int32_t tl_mul_q30(int32_t a, int32_t b_q30) {
    return tl_narrow32(((int64_t)a * b_q30 + (1 << 29)) >> 30); /* Q0 * Q30 >> 30 = Q0 */
}

/* log2 of x > 0 in Q16; error at most 0.00005 (table of 64 steps, linear between them). */
static inline int32_t tl_log2_q16_of(uint64_t x) {
    int32_t zeros = __builtin_clzll(x);
    uint64_t mantissa_q63 = x << zeros; /* 1..2: bit 63 is its one */
    uint32_t index = (uint32_t)(mantissa_q63 >> 57) & 63;
    uint32_t rest_q16 = (uint32_t)(mantissa_q63 >> 41) & 65535;
    uint32_t low = tl_log2_q16[index], step = tl_log2_q16[index + 1] - low; /* < 2^11 */
    uint32_t between = (step * rest_q16 + (1u << 15)) >> 16; /* Q16 * Q16 >> 16 = Q16 */
    return (63 - zeros) * 65536 + (int32_t)(low + between);
}

/* 10 log10 of x > 0 in Q8: log2 Q16 * 3.0103 Q13 = Q29, >> 21 = Q8.
 * log2 < 64, so the product is below 2^22 * 2^15 = 2^37. */
static inline int32_t tl_db_q8_of(uint64_t x) {
    return (int32_t)(((int64_t)tl_log2_q16_of(x) * TL_Q(3.010299957, 13) + (1 << 20)) >> 21);
}

/* Power sum of two levels in dB: 10 log10(10^(a/10) + 10^(b/10)); error at most 0.05 dB. */
static inline int32_t tl_logadd_db_q8(int32_t a_db_q8, int32_t b_db_q8) {
    int32_t high = tl_max(a_db_q8, b_db_q8);
    int32_t distance = high - tl_min(a_db_q8, b_db_q8);
    int32_t index = distance >> 7; /* half dB steps */
    if (index >= 64) {
        return high;
    }
    int32_t rest = distance & 127;
    int32_t step = tl_logadd_q8[index + 1] - tl_logadd_q8[index];
    return high + tl_logadd_q8[index] + ((step * rest) >> 7);
}

/* 1 / (1 + e^-x) in Q15 for x in Q8; linear between steps of 1/8, error at most 0.0005. */
static inline int32_t tl_logistic_q15_of(int32_t x_q8) {
    int32_t size = tl_min(tl_abs(x_q8), TL_Q(8.0, 8) - 1);
    int32_t index = size >> 5, rest = size & 31;
    int32_t step = tl_logistic_q15[index + 1] - tl_logistic_q15[index];
    int32_t y = tl_logistic_q15[index] + ((step * rest) >> 5);
    return x_q8 < 0 ? 32768 - y : y;
}

#endif
