#include "speech.h"

#include <string.h>

#include "fixed.h"

#define SILENT TL_DB(-72)    /* band level below which nothing is speech */
#define EXCESS_OVER TL_DB(4) /* a band counts for speech from here */
#define EXCESS_TOP TL_DB(16)
#define BIAS_Q8 TL_Q(1.6, 8)   /* mean excess at even odds, dB */
#define SLOPE_Q8 TL_Q(1.1, 8)  /* log-odds per dB */
#define VOICED_Q15 TL_Q(0.6, 15)
#define VOICED_BONUS_Q8 TL_Q(1.0, 8)
#define LEAST_Q8 TL_Q(-6.0, 8)
#define MOST_Q8 TL_Q(8.0, 8)
#define TALK_ON_Q8 TL_Q(0.4, 8)
#define TALK_OFF_Q8 TL_Q(-0.6, 8)
#define HANG 5 /* frames */

/* Weight of each band, of 16: the telephone band carries the decision. */
static const uint8_t weight_q4[TL_BANDS] = {4,  10, 16, 16, 16, 16, 16, 16, 16, 16,
                                            16, 16, 16, 14, 12, 8,  8,  8,  8,  6};

void tl_speech_init(tl_speech *s) {
    memset(s, 0, sizeof *s);
    s->past_q8 = LEAST_Q8;
    for (int32_t i = 0; i <= TL_SPEECH_AHEAD; i++) {
        s->evidence_q8[i] = LEAST_Q8;
    }
}

int16_t tl_speech_evidence_q8(const int16_t own_db_q8[TL_BANDS], const int16_t floor_db_q8[TL_BANDS],
                              const int16_t leak_db_q8[TL_BANDS], int16_t voicing_q15,
                              int32_t not_speech) {
    int32_t sum = 0, weights = 0; /* 20 bands * 2^12 * 2^4 < 2^21 */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t explained = tl_logadd_db_q8(tl_max(floor_db_q8[b], SILENT), leak_db_q8[b]);
        int32_t excess = tl_clamp(own_db_q8[b] - explained - EXCESS_OVER, 0, EXCESS_TOP);
        sum += excess * weight_q4[b];
        weights += weight_q4[b];
    }
    int32_t mean_q8 = sum / weights;
    int32_t odds_q8 = (mean_q8 - BIAS_Q8) * SLOPE_Q8 >> 8; /* Q8 * Q8 >> 8 = Q8 */
    if (voicing_q15 > VOICED_Q15 && mean_q8 > BIAS_Q8 / 2) {
        odds_q8 += VOICED_BONUS_Q8;
    }
    if (not_speech) {
        odds_q8 = LEAST_Q8;
    }
    return (int16_t)tl_clamp(odds_q8, LEAST_Q8, MOST_Q8);
}

void tl_speech_push(tl_speech *s, int16_t evidence_q8, tl_speech_result *out) {
    memmove(s->evidence_q8, s->evidence_q8 + 1, TL_SPEECH_AHEAD * sizeof s->evidence_q8[0]);
    s->evidence_q8[TL_SPEECH_AHEAD] = evidence_q8;
    /* the mean of this frame, three after it, and a past that fades within 50 ms (counts as 3) */
    int32_t sum_q8 = 3 * s->past_q8;
    for (int32_t i = 0; i <= TL_SPEECH_AHEAD; i++) {
        sum_q8 += s->evidence_q8[i];
    }
    int32_t odds_q8 = sum_q8 / (TL_SPEECH_AHEAD + 4);
    s->past_q8 = (int16_t)(s->past_q8 + (s->evidence_q8[0] - s->past_q8) / 4);

    if (odds_q8 > TALK_ON_Q8) {
        s->talk = 1;
        s->hang = HANG;
    } else if (odds_q8 < TALK_OFF_Q8 && s->talk && s->hang-- == 0) {
        s->talk = 0;
        s->hang = 0;
    }
    out->talk = s->talk;
    out->probability_q15 = (int16_t)tl_min(tl_logistic_q15_of(odds_q8), 32767);
}
