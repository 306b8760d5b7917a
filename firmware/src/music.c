#include "music.h"

#include <string.h>

#include "fixed.h"

#define SLOW_SHIFT 5
#define LOW_BANDS 6 /* 312 .. 1350 Hz */
#define LOUDEST_SINKS TL_DB(0.03)
#define AUDIBLE TL_DB(-50)    /* music that is fainter is none */
#define PEAKS_ABOVE TL_DB(-60) /* in fainter sound the peaks are noise, or none at all */
/* Music begins only when it is likely, and then may have moments that are not. */
#define BEGINS_Q8 TL_Q(2.5, 8)
#define ENDS_Q8 TL_Q(-2.0, 8)

void tl_music_init(tl_music *m) {
    memset(m, 0, sizeof *m);
    for (int32_t b = 0; b < TL_MUSIC_BANDS; b++) {
        m->last_db_q8[b] = m->slow_db_q8[b] = TL_SILENT;
    }
    m->last_loudness_db_q8 = m->loudest_db_q8 = TL_SILENT;
}

/* Follows x over 32 frames; the low bits that get lost keep it at most 0.13 dB (in Q8) below. */
static void follow(int16_t *slow, int32_t x) { *slow = (int16_t)(*slow + ((x - *slow) >> SLOW_SHIFT)); }

typedef struct {
    int32_t change_q8;    /* mean over the bands since the frame before, dB */
    int32_t distance_q8;  /* ... from their own slow level */
    int32_t tilt_q8;      /* upper bands over lower ones */
} movement;

static movement move(tl_music *m, const int16_t db_q8[TL_BANDS]) {
    int16_t level[TL_MUSIC_BANDS];
    int32_t change = 0, distance = 0, low = 0, high = 0; /* 13 bands * 2^15 < 2^19 */
    for (int32_t b = 0; b < TL_MUSIC_BANDS; b++) {
        level[b] = (int16_t)tl_max(db_q8[TL_TELEPHONE_FIRST + b], TL_SILENT);
    }
    for (int32_t b = 0; b < TL_MUSIC_BANDS; b++) {
        change += tl_abs(level[b] - m->last_db_q8[b]);
        follow(&m->slow_db_q8[b], level[b]);
        distance += tl_min(tl_abs(level[b] - m->slow_db_q8[b]), TL_DB(15));
    }
    for (int32_t b = 0; b < LOW_BANDS; b++) {
        low += level[b];
    }
    for (int32_t b = LOW_BANDS; b < TL_MUSIC_BANDS; b++) {
        high += level[b];
    }
    memcpy(m->last_db_q8, level, sizeof level);
    return (movement){change / TL_MUSIC_BANDS, distance / TL_MUSIC_BANDS,
                      high / (TL_MUSIC_BANDS - LOW_BANDS) - low / LOW_BANDS};
}

/* Bit 0: the stronger peak stood there `ago` frames earlier; bit 1: either of the two did. */
static int32_t stood(const tl_music *m, const uint8_t bin[2], int32_t ago) {
    const uint8_t *then = m->peak_bin[(m->at + TL_MUSIC_PAST - ago) % TL_MUSIC_PAST];
    int32_t stronger = bin[0] == then[0] || bin[0] == then[1];
    return stronger | (stronger || bin[1] == then[0] || bin[1] == then[1] ? 2 : 0);
}

/* The cues of one frame in Q8: each 1 or a few at most. */
static void cues_of(tl_music *m, const tl_bands *bands, int32_t loudness_db_q8,
                    int16_t voicing_q15, int32_t cue_q8[TL_MUSIC_CUES]) {
    movement moved = move(m, bands->db_q8);
    follow(&m->slow_voicing_q15, voicing_q15);
    follow(&m->slow_tilt_db_q8, moved.tilt_q8);
    m->loudest_db_q8 =
        tl_narrow16(tl_max(loudness_db_q8, tl_max(m->loudest_db_q8 - LOUDEST_SINKS, TL_SILENT)));
    int32_t drop = tl_min(m->loudest_db_q8 - loudness_db_q8, TL_DB(30));
    int32_t step = tl_min(tl_abs(loudness_db_q8 - m->last_loudness_db_q8), TL_DB(10));
    m->last_loudness_db_q8 = tl_narrow16(loudness_db_q8);
    /* the slot of `at` still holds the oldest peaks, those of TL_MUSIC_PAST frames ago */
    int32_t soon = 0, late = 0;
    if (loudness_db_q8 > PEAKS_ABOVE) {
        soon = stood(m, bands->peak_bin, 3);
        late = stood(m, bands->peak_bin, TL_MUSIC_PAST);
    }
    memcpy(m->peak_bin[m->at], bands->peak_bin, sizeof bands->peak_bin);
    m->at = (uint8_t)((m->at + 1) % TL_MUSIC_PAST);

    int32_t i = 0;
    cue_q8[i++] = tl_min(moved.change_q8, TL_DB(12)) >> 2;
    cue_q8[i++] = tl_min(moved.change_q8, TL_DB(4)) >> 1;
    cue_q8[i++] = voicing_q15 >> 7; /* Q15 >> 7 = Q8 */
    cue_q8[i++] = bands->peak_share_q15 >> 7;
    cue_q8[i++] = (soon & 1) << 8;
    cue_q8[i++] = (soon >> 1) << 8;
    cue_q8[i++] = (late & 1) << 8;
    cue_q8[i++] = (late >> 1) << 8;
    cue_q8[i++] = drop >> 3;
    cue_q8[i++] = (drop > TL_DB(12)) << 8;
    cue_q8[i++] = (drop > TL_DB(20)) << 8;
    cue_q8[i++] = step >> 2;
    cue_q8[i++] = moved.distance_q8 >> 2;
    cue_q8[i++] = tl_abs(voicing_q15 - m->slow_voicing_q15) >> 6;
    cue_q8[i++] = tl_min(tl_abs(moved.tilt_q8 - m->slow_tilt_db_q8), TL_DB(15)) >> 2;
}

void tl_music_inputs(const tl_music *m, int16_t inputs_q8[TL_MUSIC_INPUTS]) {
    for (int32_t i = 0; i < TL_MUSIC_CUES; i++) {
        inputs_q8[i] = (int16_t)(m->short_q16[i] >> 8);
        inputs_q8[TL_MUSIC_CUES + i] = (int16_t)(m->long_q16[i] >> 8);
    }
    inputs_q8[TL_MUSIC_INPUTS - 1] = (int16_t)(m->loudest_db_q8 >> 4);
}

static int16_t odds_q8(const int16_t inputs_q8[TL_MUSIC_INPUTS]) {
    int64_t odds_q20 = tl_music_bias2_q20; /* 16 * 2^15 * 2^15 = 2^34 */
    for (int32_t h = 0; h < TL_MUSIC_HIDDEN; h++) {
        /* inputs below 2^11, weights below 2^15, 31 of them: below 2^31 */
        int32_t sum_q18 = tl_music_bias1_q18[h];
        for (int32_t i = 0; i < TL_MUSIC_INPUTS; i++) {
            sum_q18 += inputs_q8[i] * tl_music_weight1_q10[h][i]; /* Q8 * Q10 = Q18 */
        }
        int32_t hidden_q8 = tl_clamp(sum_q18 >> 10, 0, INT16_MAX);
        odds_q20 += (int64_t)hidden_q8 * tl_music_weight2_q12[h]; /* Q8 * Q12 = Q20 */
    }
    return tl_saturate16((int32_t)(odds_q20 >> 12)); /* |odds| <= 2^35 >> 12 = 2^23 */
}

int32_t tl_music_push(tl_music *m, const tl_bands *bands, int32_t loudness_db_q8,
                      int16_t voicing_q15) {
    int32_t cue_q8[TL_MUSIC_CUES];
    cues_of(m, bands, loudness_db_q8, voicing_q15, cue_q8);
    for (int32_t i = 0; i < TL_MUSIC_CUES; i++) {
        m->sum_q8[i] += cue_q8[i]; /* ten of at most 2^10 */
    }
    if (++m->frames == TL_MUSIC_LOOK) {
        int16_t inputs_q8[TL_MUSIC_INPUTS];
        for (int32_t i = 0; i < TL_MUSIC_CUES; i++) {
            int32_t mean_q16 = m->sum_q8[i] * 256 / TL_MUSIC_LOOK;
            m->short_q16[i] += ((mean_q16 - m->short_q16[i]) * 5) >> 4; /* 10 of 32 frames */
            m->long_q16[i] += ((mean_q16 - m->long_q16[i]) * 5) >> 6;   /* 10 of 128 */
            m->sum_q8[i] = 0;
        }
        m->frames = 0;
        tl_music_inputs(m, inputs_q8);
        m->odds_q8 = odds_q8(inputs_q8);
        m->music = m->loudest_db_q8 > AUDIBLE && m->odds_q8 > (m->music ? ENDS_Q8 : BEGINS_Q8);
    }
    return m->music;
}
