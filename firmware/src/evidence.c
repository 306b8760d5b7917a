#include "evidence.h"

#include "bleed.h"
#include "fixed.h"

#define VOICE_START TL_DB(-45)
#define VOICE_UP 16
#define VOICED_Q15 TL_Q(0.8, 15)
#define VOICE_DOWN_VOICED TL_DB(0.02) /* per frame: 2 dB/s while a fainter voice speaks */
#define VOICE_DOWN TL_DB(0.004)

void tl_evidence_init(tl_evidence *f) {
    f->voice_db_q8[0] = f->voice_db_q8[1] = VOICE_START;
}

/* Half dB steps around a centre, in int8. */
static int8_t half_db(int32_t x_db_q8, int32_t centre_db_q8) {
    return (int8_t)tl_clamp((x_db_q8 - centre_db_q8) >> 7, -64, 64);
}

static void channel_features(int16_t *voice_db_q8, const tl_evidence_in *in,
                             int32_t other_loudness, int32_t loudness, int8_t *out) {
    const int16_t *own = in->bands->db_q8;
    for (int32_t k = 0; k < TL_EVIDENCE_BANDS; k++) {
        int32_t over_floor = 0, over_leak = 0;
        for (int32_t b = 2 * k; b < 2 * k + 2; b++) {
            int32_t level = tl_max(own[b], TL_SILENT);
            over_floor += level - tl_max(in->floor_db_q8[b], TL_SILENT);
            over_leak += level - tl_max(in->leak_db_q8[b], TL_SILENT);
        }
        out[k] = half_db(over_floor / 2, TL_DB(12));
        out[TL_EVIDENCE_BANDS + k] = half_db(over_leak / 2, TL_DB(6));
    }
    if (loudness > *voice_db_q8) {
        *voice_db_q8 = (int16_t)(*voice_db_q8 + (loudness - *voice_db_q8) / VOICE_UP);
    } else if (loudness > TL_SILENT) {
        *voice_db_q8 = (int16_t)(*voice_db_q8 - (in->voicing_q15 > VOICED_Q15 ? VOICE_DOWN_VOICED
                                                                             : VOICE_DOWN));
    }
    out += 2 * TL_EVIDENCE_BANDS;
    out[0] = half_db(loudness - *voice_db_q8, TL_DB(-12));
    out[1] = half_db(loudness, TL_DB(-45));
    out[2] = half_db(loudness - other_loudness, 0);
    out[3] = (int8_t)((in->voicing_q15 >> 9) - 32);
    out[4] = (int8_t)((in->bands->peak_share_q15 >> 9) - 32);
}

void tl_evidence_push(tl_evidence *f, const tl_evidence_in in[TL_CHANNELS],
                      int8_t out[TL_EVIDENCE]) {
    int32_t loudness[TL_CHANNELS];
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        loudness[c] = tl_bleed_unexplained_db_q8(in[c].bands->db_q8, in[c].leak_db_q8);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel_features(&f->voice_db_q8[c], &in[c], loudness[1 - c], loudness[c],
                         out + c * TL_EVIDENCE_CHANNEL);
    }
}
