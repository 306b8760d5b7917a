#include "music.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

/* Measured over 2.5 s on hold music and on speech, both through a telephone: median change of the
 * bands 2.1..2.6 dB a frame against 3.0..5.1, share of frames 12 dB below the loudest 0..0.5
 * against 0.5..0.8, mean periodicity 0.7..0.9 against 0.2..0.45 of most noises. Below -46 dBFS a
 * steady sound is taken for noise. */
#define MUSIC_AUDIBLE TL_DB(-46)
#define FLUX_MUSIC TL_DB(2.7)
#define FLUX_SPEECH TL_DB(3.2)
#define LOW_MUSIC 90 /* of 256 */
#define LOW_SPEECH 154
#define VOICING_MUSIC_Q15 TL_Q(0.62, 15)
#define VOICING_NOISE_Q15 TL_Q(0.45, 15)
#define VOTES 50 /* frames */

void tl_music_init(tl_music *m) {
    memset(m, 0, sizeof *m);
    for (int32_t b = 0; b < TL_BANDS; b++) {
        m->last_db_q8[b] = TL_DB(-100);
    }
}

static int32_t loudest_db_q8(const tl_music *m) {
    int32_t loudest = TL_DB(-100);
    for (int32_t i = 0; i < m->count; i++) {
        loudest = tl_max(loudest, m->level_db_q8[i]);
    }
    return loudest;
}

/* Share (of 256) of the last 2.5 s whose level lies more than 12 dB below their loudest. */
static int32_t low_share(const tl_music *m) {
    int32_t loudest = loudest_db_q8(m);
    int32_t low = 0;
    for (int32_t i = 0; i < m->count; i++) {
        low += m->level_db_q8[i] < loudest - TL_DB(12);
    }
    return low * 256 / TL_MUSIC_FRAMES;
}

static void decide_music(tl_music *m) {
    if (m->count < TL_MUSIC_FRAMES) {
        return;
    }
    int32_t flux = m->flux_sum_q8 / TL_MUSIC_FRAMES;
    int32_t low = low_share(m);
    int32_t voicing_q15 = m->voicing_sum_q15 / TL_MUSIC_FRAMES;
    int32_t like = flux < FLUX_MUSIC && low < LOW_MUSIC && voicing_q15 > VOICING_MUSIC_Q15 &&
                   loudest_db_q8(m) > MUSIC_AUDIBLE;
    int32_t unlike = flux > FLUX_SPEECH || low > LOW_SPEECH ||
                     voicing_q15 < VOICING_NOISE_Q15;
    int32_t against = m->music ? unlike : like;
    m->votes = (uint8_t)(against ? m->votes + 1 : 0);
    if (m->votes >= VOTES) {
        m->music = !m->music;
        m->votes = 0;
    }
}

int32_t tl_music_push(tl_music *m, const int16_t bands_db_q8[TL_BANDS], int32_t loudness_db_q8,
                      int16_t voicing_q15) {
    int32_t change = 0; /* 13 bands * 2^15 < 2^19 */
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        change += tl_abs(bands_db_q8[b] - m->last_db_q8[b]);
    }
    memcpy(m->last_db_q8, bands_db_q8, sizeof m->last_db_q8);
    int16_t flux = (int16_t)(change / (TL_TELEPHONE_END - TL_TELEPHONE_FIRST));

    m->flux_sum_q8 += flux - (m->count == TL_MUSIC_FRAMES ? m->flux_db_q8[m->at] : 0);
    m->flux_db_q8[m->at] = flux;
    m->voicing_sum_q15 += voicing_q15 - (m->count == TL_MUSIC_FRAMES ? m->voicing_q15[m->at] : 0);
    m->voicing_q15[m->at] = voicing_q15;
    m->level_db_q8[m->at] = tl_narrow16(loudness_db_q8);
    m->at = (uint16_t)(m->at + 1 == TL_MUSIC_FRAMES ? 0 : m->at + 1);
    m->count = (uint16_t)tl_min(m->count + 1, TL_MUSIC_FRAMES);

    decide_music(m);
    return m->music;
}
