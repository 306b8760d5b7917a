/* The steps of a gated recurrent unit in time, forward and back, for gru.py: what stands between
 * them and cannot be done for all steps at once. float32; shapes as in gru.py; `units` is a
 * multiple of 32. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDE 16 /* numbers of a vector */
#define ROWS 8  /* of a block of a product: with two vectors each they fill the registers */

typedef float lanes __attribute__((vector_size(4 * WIDE), aligned(4)));

/* (k, n) to blocks of 32 columns, each of which is read from end to end. */
static float *packed(const float *matrix, long k, long n) {
    float *out = aligned_alloc(64, (size_t)(k * n) * sizeof *out);
    for (long at = 0; at < n; at += 2 * WIDE) {
        for (long i = 0; i < k; i++) {
            memcpy(out + at * k + i * 2 * WIDE, matrix + i * n + at, 2 * WIDE * sizeof *out);
        }
    }
    return out;
}

static inline void block(const float *x, long rows, long k, const float *columns, float *out, long n) {
    lanes sums[ROWS][2] = {{{0}}};
    for (long i = 0; i < k; i++) {
        lanes a = *(const lanes *)(columns + i * 2 * WIDE);
        lanes b = *(const lanes *)(columns + i * 2 * WIDE + WIDE);
        for (long r = 0; r < rows; r++) {
            sums[r][0] += x[r * k + i] * a;
            sums[r][1] += x[r * k + i] * b;
        }
    }
    for (long r = 0; r < rows; r++) {
        *(lanes *)(out + r * n) = sums[r][0];
        *(lanes *)(out + r * n + WIDE) = sums[r][1];
    }
}

/* (rows, k) times (k, n). */
static void product(const float *x, long rows, long k, const float *pack, long n, float *out) {
    for (long at = 0; at < n; at += 2 * WIDE) {
        long r = 0;
        for (; r + ROWS <= rows; r += ROWS) {
            block(x + r * k, ROWS, k, pack + at * k, out + r * n + at, n);
        }
        for (; r < rows; r++) {
            block(x + r * k, 1, k, pack + at * k, out + r * n + at, n);
        }
    }
}

static inline float logistic(float x) { return 0.5f * tanhf(0.5f * x) + 0.5f; }

/* memory[0] is given; the rest of it and the other four are found. */
void tl_gru_forward(long steps, long batch, long units, const float *restrict seen,
                    const float *restrict weights, const float *restrict bias,
                    float *restrict memory, float *restrict reset, float *restrict update,
                    float *restrict candidate, float *restrict kept) {
    float *pack = packed(weights, units, 3 * units);
    float *own = malloc((size_t)(batch * 3 * units) * sizeof *own);
    for (long t = 0; t < steps; t++) {
        const float *before = memory + t * batch * units;
        product(before, batch, units, pack, 3 * units, own);
        for (long b = 0; b < batch; b++) {
            long at = (t * batch + b) * units;
            const float *s = seen + 3 * at, *o = own + 3 * b * units;
            float *after = memory + at + batch * units;
            for (long u = 0; u < units; u++) {
                reset[at + u] = logistic(s[u] + o[u]);
                update[at + u] = logistic(s[units + u] + o[units + u]);
                kept[at + u] = o[2 * units + u] + bias[u];
                candidate[at + u] = tanhf(s[2 * units + u] + reset[at + u] * kept[at + u]);
                after[u] = candidate[at + u] +
                           update[at + u] * (before[b * units + u] - candidate[at + u]);
            }
        }
    }
    free(own);
    free(pack);
}

/* From the gradient at each step's memory to those at both products. */
void tl_gru_backward(long steps, long batch, long units, const float *restrict back,
                     const float *restrict d_out_memory, const float *restrict memory,
                     const float *restrict reset, const float *restrict update,
                     const float *restrict candidate, const float *restrict kept,
                     float *restrict d_seen, float *restrict d_own) {
    float *pack = packed(back, 3 * units, units);
    float *d_memory = calloc((size_t)(batch * units), sizeof *d_memory);
    float *come = malloc((size_t)(batch * units) * sizeof *come);
    for (long t = steps - 1; t >= 0; t--) {
        for (long b = 0; b < batch; b++) {
            long at = (t * batch + b) * units;
            float *s = d_seen + 3 * at, *o = d_own + 3 * at, *d = d_memory + b * units;
            for (long u = 0; u < units; u++) {
                float r = reset[at + u], z = update[at + u], c = candidate[at + u];
                d[u] += d_out_memory[at + u];
                float d_candidate = d[u] * (1 - z) * (1 - c * c);
                s[u] = o[u] = d_candidate * kept[at + u] * r * (1 - r);
                s[units + u] = o[units + u] = d[u] * (memory[at + u] - c) * z * (1 - z);
                s[2 * units + u] = d_candidate;
                o[2 * units + u] = d_candidate * r;
                d[u] *= z;
            }
        }
        product(d_own + 3 * t * batch * units, batch, 3 * units, pack, units, come);
        for (long i = 0; i < batch * units; i++) {
            d_memory[i] += come[i];
        }
    }
    free(come);
    free(d_memory);
    free(pack);
}
