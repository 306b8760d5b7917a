/* Lanes of int16: eight at once where the processor has them, else one; the same bits either way.
 *
 * A stage written in lanes steps by TL_LANES and uses nothing but the functions below. The
 * portable form is the definition: built with -DTL_NO_SIMD, or -DTL_CHECKED, where a sum that
 * leaves 16 bits traps. The others need not check what that build has checked.
 */
#ifndef TL_SIMD_H
#define TL_SIMD_H

#include <stdint.h>

#include "fixed.h"

#if defined(TL_CHECKED) || defined(TL_NO_SIMD)
#define TL_LANES 1
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define TL_LANES 8
#elif defined(__SSE2__)
#include <immintrin.h>
#define TL_LANES 8
#else
#define TL_LANES 1
#endif

#if TL_LANES == 1

typedef int32_t tl_lanes; /* holds 16 bits; so wide that none must be extended again */

static inline tl_lanes tl_within16(int32_t x) {
#ifdef TL_CHECKED
    return tl_narrow16(x);
#else
    return x;
#endif
}

static inline tl_lanes tl_load(const int16_t *from) { return *from; }

static inline void tl_store(int16_t *to, tl_lanes x) { *to = (int16_t)x; }

/* Lanes from an array read backwards: the first lane is from[TL_LANES - 1]. */
static inline tl_lanes tl_load_backwards(const int16_t *from) { return *from; }

/* TL_LANES pairs taken apart. */
static inline void tl_load_pairs(const int16_t *from, tl_lanes *first, tl_lanes *second) {
    *first = from[0];
    *second = from[1];
}

static inline tl_lanes tl_zero(void) { return 0; }

static inline tl_lanes tl_all(int16_t x) { return x; }

static inline tl_lanes tl_add(tl_lanes a, tl_lanes b) { return tl_within16(a + b); }

static inline tl_lanes tl_sub(tl_lanes a, tl_lanes b) { return tl_within16(a - b); }

/* a + b, held at the ends of 16 bits. */
static inline tl_lanes tl_add_held(tl_lanes a, tl_lanes b) {
    return tl_clamp(a + b, INT16_MIN, INT16_MAX);
}

/* Q15 product, rounded; not for -1 times -1. */
static inline tl_lanes tl_mul_q15(tl_lanes a, tl_lanes b_q15) {
    return tl_within16((a * b_q15 + (1 << 14)) >> 15); /* Q0 * Q15 >> 15 = Q0 */
}

/* x * 2^shift, shift 0..15. */
static inline tl_lanes tl_raised(tl_lanes x, int32_t shift) {
    return tl_within16((int32_t)((uint32_t)x << shift));
}

/* x / 2^shift, rounded, shift 0..15. */
static inline tl_lanes tl_lowered(tl_lanes x, int32_t shift) {
    return (x + ((1 << shift) >> 1)) >> shift;
}

/* |x|, that of -32768 being 32767. */
static inline tl_lanes tl_size(tl_lanes x) { return tl_min(tl_abs(x), INT16_MAX); }

/* A size, 0..32767, with the sign of x. */
static inline tl_lanes tl_signed_as(tl_lanes size, tl_lanes x) { return x < 0 ? -size : size; }

static inline tl_lanes tl_larger(tl_lanes a, tl_lanes b) { return a > b ? a : b; }

/* The largest lane. */
static inline int32_t tl_largest(tl_lanes x) { return x; }

/* re^2 + im^2 of each lane; |re|, |im| <= 32767, so the sum is below 2^31. */
static inline void tl_store_power(int32_t *to, tl_lanes re, tl_lanes im) {
    *to = re * re + im * im;
}

/* The same for an array written backwards: the first lane goes to to[TL_LANES - 1]. */
static inline void tl_store_power_backwards(int32_t *to, tl_lanes re, tl_lanes im) {
    tl_store_power(to, re, im);
}

/* Puts lanes i .. of four vectors into one array, `run` values of each in turn (1, 4, 16, 64). */
static inline void tl_store_in_runs(int16_t *to, int32_t i, int32_t run, tl_lanes a, tl_lanes b,
                                    tl_lanes c, tl_lanes d) {
    to += 4 * (i - i % run) + i % run;
    tl_store(to, a);
    tl_store(to + run, b);
    tl_store(to + 2 * run, c);
    tl_store(to + 3 * run, d);
}

#elif defined(__aarch64__)

typedef int16x8_t tl_lanes;

static inline tl_lanes tl_load(const int16_t *from) { return vld1q_s16(from); }

static inline void tl_store(int16_t *to, tl_lanes x) { vst1q_s16(to, x); }

static inline tl_lanes tl_backwards(tl_lanes x) {
    x = vrev64q_s16(x);
    return vextq_s16(x, x, 4);
}

static inline tl_lanes tl_load_backwards(const int16_t *from) {
    return tl_backwards(vld1q_s16(from));
}

static inline void tl_load_pairs(const int16_t *from, tl_lanes *first, tl_lanes *second) {
    int16x8x2_t pairs = vld2q_s16(from);
    *first = pairs.val[0];
    *second = pairs.val[1];
}

static inline tl_lanes tl_zero(void) { return vdupq_n_s16(0); }

static inline tl_lanes tl_all(int16_t x) { return vdupq_n_s16(x); }

static inline tl_lanes tl_add(tl_lanes a, tl_lanes b) { return vaddq_s16(a, b); }

static inline tl_lanes tl_sub(tl_lanes a, tl_lanes b) { return vsubq_s16(a, b); }

static inline tl_lanes tl_add_held(tl_lanes a, tl_lanes b) { return vqaddq_s16(a, b); }

static inline tl_lanes tl_mul_q15(tl_lanes a, tl_lanes b_q15) { return vqrdmulhq_s16(a, b_q15); }

static inline tl_lanes tl_raised(tl_lanes x, int32_t shift) {
    return vshlq_s16(x, vdupq_n_s16((int16_t)shift));
}

static inline tl_lanes tl_lowered(tl_lanes x, int32_t shift) {
    return vrshlq_s16(x, vdupq_n_s16((int16_t)-shift));
}

static inline tl_lanes tl_size(tl_lanes x) { return vqabsq_s16(x); }

static inline tl_lanes tl_signed_as(tl_lanes size, tl_lanes x) {
    tl_lanes sign = vshrq_n_s16(x, 15);
    return vsubq_s16(veorq_s16(size, sign), sign);
}

static inline tl_lanes tl_larger(tl_lanes a, tl_lanes b) { return vmaxq_s16(a, b); }

static inline int32_t tl_largest(tl_lanes x) { return vmaxvq_s16(x); }

static inline void tl_store_power(int32_t *to, tl_lanes re, tl_lanes im) {
    int32x4_t low = vmull_s16(vget_low_s16(re), vget_low_s16(re));
    int32x4_t high = vmull_high_s16(re, re);
    vst1q_s32(to, vmlal_s16(low, vget_low_s16(im), vget_low_s16(im)));
    vst1q_s32(to + 4, vmlal_high_s16(high, im, im));
}

static inline void tl_store_power_backwards(int32_t *to, tl_lanes re, tl_lanes im) {
    tl_store_power(to, tl_backwards(re), tl_backwards(im));
}

static inline void tl_store_in_runs(int16_t *to, int32_t i, int32_t run, tl_lanes a, tl_lanes b,
                                    tl_lanes c, tl_lanes d) {
    if (run == 1) {
        int16x8x4_t four = {{a, b, c, d}};
        vst4q_s16(to + 4 * i, four);
        return;
    }
    if (run == 4) { /* halves of vectors: pairs of runs */
        int64x2_t a2 = vreinterpretq_s64_s16(a), b2 = vreinterpretq_s64_s16(b);
        int64x2_t c2 = vreinterpretq_s64_s16(c), d2 = vreinterpretq_s64_s16(d);
        vst1q_s16(to + 4 * i, vreinterpretq_s16_s64(vzip1q_s64(a2, b2)));
        vst1q_s16(to + 4 * i + 8, vreinterpretq_s16_s64(vzip1q_s64(c2, d2)));
        vst1q_s16(to + 4 * i + 16, vreinterpretq_s16_s64(vzip2q_s64(a2, b2)));
        vst1q_s16(to + 4 * i + 24, vreinterpretq_s16_s64(vzip2q_s64(c2, d2)));
        return;
    }
    to += 4 * (i - i % run) + i % run;
    vst1q_s16(to, a);
    vst1q_s16(to + run, b);
    vst1q_s16(to + 2 * run, c);
    vst1q_s16(to + 3 * run, d);
}

#else /* SSE2 and later */

typedef __m128i tl_lanes;

static inline tl_lanes tl_load(const int16_t *from) {
    return _mm_loadu_si128((const __m128i *)from);
}

static inline void tl_store(int16_t *to, tl_lanes x) { _mm_storeu_si128((__m128i *)to, x); }

static inline tl_lanes tl_backwards(tl_lanes x) {
    x = _mm_shufflelo_epi16(x, _MM_SHUFFLE(0, 1, 2, 3));
    x = _mm_shufflehi_epi16(x, _MM_SHUFFLE(0, 1, 2, 3));
    return _mm_shuffle_epi32(x, _MM_SHUFFLE(1, 0, 3, 2));
}

static inline tl_lanes tl_load_backwards(const int16_t *from) {
    return tl_backwards(tl_load(from));
}

static inline void tl_load_pairs(const int16_t *from, tl_lanes *first, tl_lanes *second) {
    tl_lanes a = tl_load(from), b = tl_load(from + 8);
    *first = _mm_packs_epi32(_mm_srai_epi32(_mm_slli_epi32(a, 16), 16),
                             _mm_srai_epi32(_mm_slli_epi32(b, 16), 16));
    *second = _mm_packs_epi32(_mm_srai_epi32(a, 16), _mm_srai_epi32(b, 16));
}

static inline tl_lanes tl_zero(void) { return _mm_setzero_si128(); }

static inline tl_lanes tl_all(int16_t x) { return _mm_set1_epi16(x); }

static inline tl_lanes tl_add(tl_lanes a, tl_lanes b) { return _mm_add_epi16(a, b); }

static inline tl_lanes tl_sub(tl_lanes a, tl_lanes b) { return _mm_sub_epi16(a, b); }

static inline tl_lanes tl_add_held(tl_lanes a, tl_lanes b) { return _mm_adds_epi16(a, b); }

static inline tl_lanes tl_mul_q15(tl_lanes a, tl_lanes b_q15) {
#ifdef __SSSE3__
    return _mm_mulhrs_epi16(a, b_q15);
#else
    /* the product's high half doubled, plus its next two bits, rounded to one */
    tl_lanes high = _mm_mulhi_epi16(a, b_q15);
    tl_lanes next = _mm_srli_epi16(_mm_mullo_epi16(a, b_q15), 14);
    return _mm_add_epi16(_mm_add_epi16(high, high), _mm_avg_epu16(next, _mm_setzero_si128()));
#endif
}

static inline tl_lanes tl_raised(tl_lanes x, int32_t shift) {
    return _mm_sll_epi16(x, _mm_cvtsi32_si128(shift));
}

static inline tl_lanes tl_lowered(tl_lanes x, int32_t shift) {
    if (shift == 0) {
        return x;
    }
#ifdef __SSSE3__
    return _mm_mulhrs_epi16(x, _mm_set1_epi16((int16_t)(1 << (15 - shift))));
#else
    /* halves too much by one bit less, and adds that bit: never more than 16 bits */
    tl_lanes twice = _mm_sra_epi16(x, _mm_cvtsi32_si128(shift - 1));
    tl_lanes bit = _mm_and_si128(twice, _mm_set1_epi16(1));
    return _mm_add_epi16(_mm_srai_epi16(twice, 1), bit);
#endif
}

static inline tl_lanes tl_size(tl_lanes x) {
    return _mm_max_epi16(x, _mm_subs_epi16(_mm_setzero_si128(), x));
}

static inline tl_lanes tl_signed_as(tl_lanes size, tl_lanes x) {
    tl_lanes sign = _mm_srai_epi16(x, 15);
    return _mm_sub_epi16(_mm_xor_si128(size, sign), sign);
}

static inline tl_lanes tl_larger(tl_lanes a, tl_lanes b) { return _mm_max_epi16(a, b); }

static inline int32_t tl_largest(tl_lanes x) {
    x = _mm_max_epi16(x, _mm_shuffle_epi32(x, _MM_SHUFFLE(1, 0, 3, 2)));
    x = _mm_max_epi16(x, _mm_shuffle_epi32(x, _MM_SHUFFLE(2, 3, 0, 1)));
    x = _mm_max_epi16(x, _mm_srli_epi32(x, 16));
    return (int16_t)_mm_cvtsi128_si32(x);
}

static inline void tl_store_power(int32_t *to, tl_lanes re, tl_lanes im) {
    tl_lanes low = _mm_unpacklo_epi16(re, im), high = _mm_unpackhi_epi16(re, im);
    _mm_storeu_si128((__m128i *)to, _mm_madd_epi16(low, low));
    _mm_storeu_si128((__m128i *)(to + 4), _mm_madd_epi16(high, high));
}

static inline void tl_store_power_backwards(int32_t *to, tl_lanes re, tl_lanes im) {
    tl_store_power(to, tl_backwards(re), tl_backwards(im));
}

static inline void tl_store_in_runs(int16_t *to, int32_t i, int32_t run, tl_lanes a, tl_lanes b,
                                    tl_lanes c, tl_lanes d) {
    if (run == 1) {
        tl_lanes ab = _mm_unpacklo_epi16(a, b), cd = _mm_unpacklo_epi16(c, d);
        tl_store(to + 4 * i, _mm_unpacklo_epi32(ab, cd));
        tl_store(to + 4 * i + 8, _mm_unpackhi_epi32(ab, cd));
        ab = _mm_unpackhi_epi16(a, b);
        cd = _mm_unpackhi_epi16(c, d);
        tl_store(to + 4 * i + 16, _mm_unpacklo_epi32(ab, cd));
        tl_store(to + 4 * i + 24, _mm_unpackhi_epi32(ab, cd));
        return;
    }
    if (run == 4) { /* halves of vectors: pairs of runs */
        tl_store(to + 4 * i, _mm_unpacklo_epi64(a, b));
        tl_store(to + 4 * i + 8, _mm_unpacklo_epi64(c, d));
        tl_store(to + 4 * i + 16, _mm_unpackhi_epi64(a, b));
        tl_store(to + 4 * i + 24, _mm_unpackhi_epi64(c, d));
        return;
    }
    to += 4 * (i - i % run) + i % run;
    tl_store(to, a);
    tl_store(to + run, b);
    tl_store(to + 2 * run, c);
    tl_store(to + 3 * run, d);
}

#endif

#if TL_LANES > 1 && defined(__AVX2__) && !defined(__AVX512VNNI__)
/* 32 products of x and each of four rows, two and two added: |x| times the row with x's signs. */
static inline void tl_pairs_of_four(const int8_t *x, const int8_t *rows, int32_t stride,
                                    __m256i pairs[4]) {
    __m256i a = _mm256_loadu_si256((const __m256i *)x), size = _mm256_abs_epi8(a);
    for (int32_t r = 0; r < 4; r++) {
        __m256i b = _mm256_loadu_si256((const __m256i *)(rows + r * stride));
        pairs[r] = _mm256_maddubs_epi16(size, _mm256_sign_epi8(b, a));
    }
}
#endif

/* Sums of the products of x and each of four rows of int8 that stand `stride` apart; `count` is a
 * multiple of 32. Four, since x is loaded and sums are closed for all at once. x lies within +-64
 * and no row holds -128, so that four products added, at most 4 * 64 * 127 = 32512, are 16 bits.
 * Where a product's first byte has no sign, x + 64 stands for it, and 64 times the row's own sum is
 * taken away: `own` holds the four rows' sums. */
static inline void tl_dot_four(const int8_t *x, const int8_t *rows, int32_t stride, int32_t count,
                               const int16_t own[4], int32_t sums[4]) {
    (void)own;
#if TL_LANES > 1 && defined(__aarch64__)
    int32x4_t s[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int32_t i = 0; i < count; i += 32) {
        int8x16_t a = vld1q_s8(x + i), c = vld1q_s8(x + i + 16);
        for (int32_t r = 0; r < 4; r++) {
            int8x16_t b = vld1q_s8(rows + r * stride + i), d = vld1q_s8(rows + r * stride + i + 16);
#ifdef __ARM_FEATURE_DOTPROD
            s[r] = vdotq_s32(vdotq_s32(s[r], a, b), c, d);
#else
            int16x8_t four = vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b);
            four = vmlal_high_s8(vmlal_s8(four, vget_low_s8(c), vget_low_s8(d)), c, d);
            s[r] = vpadalq_s16(s[r], four);
#endif
        }
    }
    vst1q_s32(sums, vpaddq_s32(vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3])));
#elif TL_LANES > 1 && defined(__AVX2__)
    __m256i s[4];
    s[0] = s[1] = s[2] = s[3] = _mm256_setzero_si256();
#ifdef __AVX512VNNI__
    for (int32_t i = 0; i < count; i += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(x + i));
        a = _mm256_add_epi8(a, _mm256_set1_epi8(64));
        for (int32_t r = 0; r < 4; r++) {
            __m256i b = _mm256_loadu_si256((const __m256i *)(rows + r * stride + i));
            s[r] = _mm256_dpbusd_epi32(s[r], a, b);
        }
    }
    __m128i extra = _mm_cvtepi16_epi32(_mm_loadl_epi64((const __m128i *)own));
    extra = _mm_slli_epi32(extra, 6);
#else
    __m128i extra = _mm_setzero_si128();
    __m256i ones = _mm256_set1_epi16(1);
    for (int32_t i = 0; i < count; i += 64) {
        __m256i pairs[4];
        tl_pairs_of_four(x + i, rows + i, stride, pairs);
        if (i + 32 < count) {
            __m256i more[4];
            tl_pairs_of_four(x + i + 32, rows + i + 32, stride, more);
            for (int32_t r = 0; r < 4; r++) {
                pairs[r] = _mm256_add_epi16(pairs[r], more[r]);
            }
        }
        for (int32_t r = 0; r < 4; r++) {
            s[r] = _mm256_add_epi32(s[r], _mm256_madd_epi16(pairs[r], ones));
        }
    }
#endif
    __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
    __m128i both = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_si128((__m128i *)sums, _mm_sub_epi32(both, extra));
#elif TL_LANES > 1
    __m128i s[4];
    s[0] = s[1] = s[2] = s[3] = _mm_setzero_si128();
    for (int32_t i = 0; i < count; i += 16) {
        /* beside itself and shifted down, an int8 is an int16 */
        __m128i a = _mm_loadu_si128((const __m128i *)(x + i));
        __m128i a_low = _mm_srai_epi16(_mm_unpacklo_epi8(a, a), 8);
        __m128i a_high = _mm_srai_epi16(_mm_unpackhi_epi8(a, a), 8);
        for (int32_t r = 0; r < 4; r++) {
            __m128i b = _mm_loadu_si128((const __m128i *)(rows + r * stride + i));
            __m128i low = _mm_madd_epi16(a_low, _mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8));
            __m128i high = _mm_madd_epi16(a_high, _mm_srai_epi16(_mm_unpackhi_epi8(b, b), 8));
            s[r] = _mm_add_epi32(s[r], _mm_add_epi32(low, high));
        }
    }
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(s[0], s[1]), _mm_unpackhi_epi32(s[0], s[1]));
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(s[2], s[3]), _mm_unpackhi_epi32(s[2], s[3]));
    _mm_storeu_si128((__m128i *)sums,
                     _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd)));
#else
    for (int32_t r = 0; r < 4; r++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < count; i++) {
            sum += x[i] * rows[r * stride + i];
        }
        sums[r] = sum;
    }
#endif
}

#endif
