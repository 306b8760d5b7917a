/* libFuzzer on the whole core (`./run fuzz`): as it is shipped, under AddressSanitizer and UBSan,
 * beside its plain form (plain_...: TL_CHECKED, without SIMD), which must give the same rows.
 *
 * The input is a script. It names the rate, then pieces of sound (raw samples, squares, noise,
 * tones, silence), then the splits and misuses to hear them with. What must hold for every script:
 * rows lie in their documented ranges; any split, a copied struct and an earlier life of it give
 * the same rows; a refused call says why and consumes nothing.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "turnlight.h"

#define SAMPLES_MAX 64000 /* 4 s at 16 kHz, so that the slowest statistics are reached */
#define ROWS_MAX (SAMPLES_MAX / TL_HOP + 2 * TL_LOOKAHEAD)
#define LOWEST_F0_HZ 40
#define HIGHEST_F0_HZ 1000
#define HIGHEST_DB_Q8 (3 * 256) /* a band of a window may be louder than its hop, by rounding */

int32_t plain_init(tl_core *core, int32_t rate_hz);
int32_t plain_process(tl_core *core, const int16_t *pcm, int32_t samples, tl_frame *rows,
                      int32_t rows_max);
int32_t plain_flush(tl_core *core, tl_frame *rows, int32_t rows_max);

#define MUST(x) ((x) ? (void)0 : abort())

typedef struct {
    const uint8_t *next, *end;
} script;

/* Little endian; zeros once the script has ended. */
static uint32_t take(script *s, int32_t bytes) {
    uint32_t out = 0;
    for (int32_t i = 0; i < bytes && s->next < s->end; i++) {
        out |= (uint32_t)*s->next++ << 8 * i;
    }
    return out;
}

static int16_t saturated(int64_t x) {
    return (int16_t)(x > INT16_MAX ? INT16_MAX : (x < INT16_MIN ? INT16_MIN : x));
}

/* One piece of sound in one channel, added to what is there. */
static void add_piece(script *s, int16_t *pcm, int32_t samples) {
    uint32_t kind = take(s, 1), period = take(s, 1) + 1, noise = period;
    int32_t amplitude = (int16_t)take(s, 2);
    int64_t wave = amplitude, before = 0; /* a tone: y[n] = 2 cos(w) y[n-1] - y[n-2] */
    for (int32_t i = 0; i < samples; i++) {
        int64_t x = 0;
        switch (kind % 6) {
        case 0: /* the script itself */
            x = (int16_t)take(s, 2);
            break;
        case 1: /* a square */
            x = (uint32_t)i / period % 2 ? amplitude : -amplitude;
            break;
        case 2: /* white noise */
            noise = noise * 1664525u + 1013904223u;
            x = (int64_t)(int32_t)noise * amplitude >> 31;
            break;
        case 3: { /* a tone */
            int64_t next = (wave * (int32_t)(2 * 32768 - period * period) >> 15) - before;
            before = wave;
            wave = saturated(next);
            x = wave;
            break;
        }
        case 4: /* pulses, as of a voice */
            x = (uint32_t)i % (4 * period) == 0 ? amplitude : 0;
            break;
        default: /* DC */
            x = amplitude;
        }
        pcm[TL_CHANNELS * i] = saturated(pcm[TL_CHANNELS * i] + x);
    }
}

/* The sound of the script; *samples says how long it is. */
static int16_t *sound_of(script *s, int32_t *samples) {
    int32_t pieces = (int32_t)take(s, 1) % 16;
    int16_t *pcm = calloc(SAMPLES_MAX * TL_CHANNELS, sizeof *pcm);
    MUST(pcm != 0);
    *samples = 0;
    for (int32_t i = 0; i < pieces; i++) {
        int32_t length = (int32_t)take(s, 1) * 32; /* at most 0.5 s */
        length = length < SAMPLES_MAX - *samples ? length : SAMPLES_MAX - *samples;
        for (int32_t c = 0; c < TL_CHANNELS; c++) {
            add_piece(s, pcm + TL_CHANNELS * *samples + c, length);
        }
        *samples += length;
    }
    return pcm;
}

static void check_row(const tl_frame *row, int32_t index) {
    MUST(row->t_ms == 10 * (uint32_t)index);
    MUST(row->bleed_db_q8 <= 20 * 256 && row->sidetone_db_q8 <= 20 * 256);
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        uint32_t f0_hz_q4 = row->f0_hz_q4[c];
        MUST(row->talk[c] <= 1 && row->confirmed[c] <= 1 && row->confirmed_q15[c] >= 0);
        MUST(row->flags[c] <= (TL_FLAG_CLIPPED | TL_FLAG_TONE | TL_FLAG_MUSIC | TL_FLAG_NUCLEUS));
        MUST(row->speech_q15[c] >= 0 && row->voicing_q15[c] >= 0);
        MUST(row->level_db_q8[c] <= 0);
        MUST(f0_hz_q4 == 0 || (f0_hz_q4 >= LOWEST_F0_HZ * 16 && f0_hz_q4 <= HIGHEST_F0_HZ * 16));
        for (int32_t b = 0; b < TL_BANDS; b++) {
            MUST(row->bands_db_q8[c][b] <= HIGHEST_DB_Q8);
        }
    }
}

/* Gives the core exactly these samples and exactly the room that it asks for, so that a step over
 * either end is seen. Returns the number of rows, which are copied to `rows`. */
static int32_t heard(tl_core *core, const int16_t *pcm, int32_t samples, tl_frame *rows) {
    int32_t room = tl_rows_max(core, samples);
    MUST(room > 0);
    size_t bytes = (size_t)samples * TL_CHANNELS * sizeof *pcm;
    int16_t *exact = bytes == 0 ? 0 : malloc(bytes);
    tl_frame *out = malloc((size_t)room * sizeof *out);
    MUST((exact != 0 || bytes == 0) && out != 0);
    if (exact != 0) {
        memcpy(exact, pcm, bytes);
    }
    int32_t count = tl_process(core, exact, samples, out, room);
    MUST(count >= 0 && count <= room);
    memcpy(rows, out, (size_t)count * sizeof *out);
    free(exact);
    free(out);
    return count;
}

static int32_t flushed(tl_core *core, tl_frame *rows) {
    tl_frame out[TL_LOOKAHEAD + 1];
    int32_t count = tl_flush(core, out, TL_LOOKAHEAD + 1);
    MUST(count >= 0 && count <= TL_LOOKAHEAD + 1);
    memcpy(rows, out, (size_t)count * sizeof out[0]);
    MUST(tl_flush(core, out, TL_LOOKAHEAD + 1) == TL_ERR_STATE);
    return count;
}

/* Every refusal, and none of them leaves a trace in the struct. */
static void misuse(tl_core *core, script *s) {
    static const int16_t pcm[TL_CHANNELS];
    static tl_core before;
    tl_frame row;
    int32_t negative = (int32_t)(take(s, 4) | 1u << 31), rate_hz = (int32_t)take(s, 4);
    before = *core;
    MUST(tl_init(0, TL_RATE_HZ) == TL_ERR_NULL);
    MUST(rate_hz == TL_RATE_HZ || rate_hz == 3 * TL_RATE_HZ ||
         tl_init(core, rate_hz) == TL_ERR_RATE);
    MUST(tl_rows_max(0, 1) == TL_ERR_NULL && tl_rows_max(core, negative) == TL_ERR_COUNT);
    MUST(tl_rows_max(core, INT32_MAX) > 0);
    MUST(tl_process(0, pcm, 1, &row, 1) == TL_ERR_NULL);
    MUST(tl_process(core, 0, 1, &row, 1) == TL_ERR_NULL);
    MUST(tl_process(core, pcm, 1, 0, 1) == TL_ERR_NULL);
    MUST(tl_process(core, pcm, negative, &row, 1) == TL_ERR_COUNT);
    MUST(tl_process(core, pcm, 1, &row, 0) == TL_ERR_SPACE);
    MUST(tl_process(core, pcm, 1, &row, negative) == TL_ERR_SPACE);
    MUST(tl_flush(0, &row, 1) == TL_ERR_NULL && tl_flush(core, 0, 1) == TL_ERR_NULL);
    MUST(tl_flush(core, &row, 0) == TL_ERR_SPACE);
    MUST(memcmp(before.bytes, core->bytes, sizeof before) == 0);
}

/* A struct full of anything but an initialised core is refused, whatever is in it. */
static void refuse_garbage(script *s) {
    static const int16_t pcm[TL_CHANNELS];
    static tl_core good, garbage;
    tl_frame rows[TL_LOOKAHEAD + 1];
    uint32_t anything = take(s, 4);
    for (size_t i = 0; i < sizeof garbage; i++) {
        anything = anything * 1664525u + 1013904223u;
        garbage.bytes[i] = (uint8_t)(anything >> 24);
    }
    MUST(tl_init(&good, TL_RATE_HZ) == TL_OK);
    if (memcmp(good.bytes, garbage.bytes, 4) == 0) {
        garbage.bytes[0] ^= 1;
    }
    MUST(tl_process(&garbage, pcm, 1, rows, 1) == TL_ERR_STATE);
    MUST(tl_rows_max(&garbage, 1) == TL_ERR_STATE);
    MUST(tl_flush(&garbage, rows, TL_LOOKAHEAD + 1) == TL_ERR_STATE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tl_core core, copy;
    static tl_frame wanted[ROWS_MAX], rows[ROWS_MAX];
    script s = {data, data + size};
    int32_t rate_hz = take(&s, 1) % 2 ? TL_RATE_HZ : 3 * TL_RATE_HZ, samples;
    refuse_garbage(&s);
    int16_t *pcm = sound_of(&s, &samples);

    MUST(tl_init(&core, rate_hz) == TL_OK);
    int32_t count = heard(&core, pcm, samples, wanted);
    count += flushed(&core, wanted + count);
    for (int32_t i = 0; i < count; i++) {
        check_row(&wanted[i], i);
    }

    MUST(plain_init(&core, rate_hz) == TL_OK);
    int32_t given = plain_process(&core, pcm, samples, rows, ROWS_MAX);
    MUST(given >= 0);
    given += plain_flush(&core, rows + given, ROWS_MAX - given);
    MUST(given == count && memcmp(rows, wanted, (size_t)count * sizeof *rows) == 0);

    /* the struct has lived before; now it hears the same in pieces, and moves house between them */
    MUST(tl_init(&core, rate_hz) == TL_OK);
    heard(&core, pcm, samples / 8, rows);
    MUST(tl_init(&core, rate_hz) == TL_OK);
    given = 0;
    for (int32_t at = 0; at < samples;) {
        int32_t piece = (int32_t)take(&s, 2) % (samples - at + 1);
        piece = s.next == s.end ? samples - at : piece;
        given += heard(&core, pcm + TL_CHANNELS * at, piece, rows + given);
        at += piece;
        misuse(&core, &s);
        copy = core;
        memset(&core, 0xA5, sizeof core);
        core = copy;
    }
    given += flushed(&core, rows + given);
    MUST(given == count && memcmp(rows, wanted, (size_t)count * sizeof *rows) == 0);
    free(pcm);
    return 0;
}
