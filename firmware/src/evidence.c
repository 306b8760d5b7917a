#include "evidence.h"

#include "fixed.h"

#define LAG_MIDDLE_LOG2_Q11 TL_Q(10.667, 11) /* 157 Hz */

void tl_evidence_init(tl_evidence *f) {
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        tl_loudness_init(&f->loudness[c]);
        f->turned_db_q8[c] = 0;
    }
}

/* Half dB steps around a centre, in int8. */
static int8_t half_db(int32_t x_db_q8, int32_t centre_db_q8) {
    return (int8_t)tl_clamp((x_db_q8 - centre_db_q8) >> 7, -64, 64);
}

static void channel_evidence(const tl_loudness *l, const tl_evidence_in *in, int32_t loudness,
                             int32_t other_loudness, int8_t *out) {
    const int16_t *own = in->bands->db_q8;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        out[b] = half_db(own[b] - in->floor_db_q8[b], TL_DB(12));
    }
    out += TL_BANDS;
    for (int32_t k = 0; k < TL_EVIDENCE_LEAKS; k++) {
        int32_t over_leak = 0;
        for (int32_t b = 2 * k; b < 2 * k + 2; b++) {
            over_leak += own[b] - tl_max(in->leak_db_q8[b], in->floor_db_q8[b]);
        }
        out[k] = half_db(over_leak / 2, TL_DB(6));
    }
    out += TL_EVIDENCE_LEAKS;
    out[0] = half_db(loudness - l->usual.voice_db_q8, TL_DB(-12));
    out[1] = half_db(loudness - l->floor_db_q8[0], TL_DB(25));
    out[2] = half_db(loudness - other_loudness, 0);
    out[3] = (int8_t)((in->voicing_q15 >> 9) - 32);
    out[4] = (int8_t)((in->bands->peak_share_q15 >> 9) - 32);
    out[5] = half_db(l->smooth_db_q8[0] - l->usual.background_db_q8, TL_DB(8));
    out[6] = half_db(loudness - tl_min(l->least_db_q8[0], l->least_db_q8[1]), TL_DB(16));
    out[7] = half_db(loudness - tl_max(l->most_db_q8[0], l->most_db_q8[1]), TL_DB(-16));
    out[8] = half_db(l->smooth_db_q8[1] - l->usual.voice_db_q8, TL_DB(-12));
    out[9] = half_db(l->usual.voice_db_q8 - l->usual.background_db_q8, TL_DB(16));
    /* Q11 >> 6: 1/32 octave */
    out[10] = (int8_t)(in->lag_log2_q11 == 0 ? 0 : (LAG_MIDDLE_LOG2_Q11 - in->lag_log2_q11) >> 6);
    out[11] = (int8_t)tl_clamp(in->music_odds_q8 >> 5, -64, 64);
    out[12] = half_db(loudness - l->moving_db_q8, TL_DB(-12));
    out[13] = half_db(l->floor_db_q8[0] - l->floor_db_q8[1], 0);
    int32_t steady_db_q8 = l->usual.steady_db_q16 >> 8;
    out[14] = half_db(loudness - steady_db_q8, TL_DB(-16));
    out[15] = half_db(l->smooth_db_q8[1] - steady_db_q8, TL_DB(-16));
}

void tl_evidence_push(tl_evidence *f, const tl_evidence_in in[TL_CHANNELS],
                      int8_t out[TL_EVIDENCE]) {
    int32_t heard[TL_CHANNELS];
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        int32_t room = !in[c].bands->silent;
        f->turned_db_q8[c] = room ? tl_loudness_room(&f->loudness[c], in[c].floor_db_q8) : 0;
        heard[c] = tl_loudness_push(&f->loudness[c], in[c].loudness_db_q8, in[c].voicing_q15);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel_evidence(&f->loudness[c], &in[c], heard[c], heard[1 - c],
                         out + c * TL_EVIDENCE_CHANNEL);
    }
}
