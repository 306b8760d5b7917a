#include "loudness.h"

#include "fixed.h"

#define VOICE_START TL_DB(-45)
#define VOICE_UP 16
#define VOICED_Q15 TL_Q(0.8, 15)
#define VOICE_DOWN_VOICED TL_DB(0.02) /* per frame: 2 dB/s while a fainter voice speaks */
#define VOICE_DOWN TL_DB(0.004)
#define STEADY_UP 32
#define STEADY_NEAR TL_DB(6)
#define STEADY_DOWN_NEAR TL_Q(0.01, 16) /* dB per frame */
#define STEADY_DOWN TL_Q(0.001, 16)
#define BACKGROUND_START TL_DB(-65)
#define BACKGROUND_UP TL_DB(0.03)   /* per frame: 3 dB/s */
#define BACKGROUND_DOWN TL_DB(0.07) /* per frame: 7 dB/s */
#define FLOOR_START TL_DB(-60)      /* as the noise floors start */
#define FLOOR_FRAMES 200
#define SETTLING 100 /* frames until the floors have found the room */

void tl_loudness_init(tl_loudness *l) {
    *l = (tl_loudness){
        .voice_db_q8 = VOICE_START,
        .moving_db_q8 = VOICE_START,
        .steady_db_q16 = VOICE_START * 256,
        .background_db_q8 = BACKGROUND_START,
        .floor_db_q8 = {FLOOR_START, FLOOR_START},
        .settling = SETTLING,
        .smooth_db_q8 = {TL_SILENT, TL_SILENT},
        .least_db_q8 = {BACKGROUND_START, BACKGROUND_START},
        .most_db_q8 = {VOICE_START, VOICE_START},
    };
}

/* A voice's level: up within 0.2 s, down slowly, faster while a fainter voice speaks. */
static int16_t voice_after(int32_t voice_db_q8, int32_t loudness, int16_t voicing_q15) {
    if (loudness > voice_db_q8) {
        voice_db_q8 += (loudness - voice_db_q8) / VOICE_UP;
    } else if (loudness > TL_SILENT) {
        voice_db_q8 -= voicing_q15 > VOICED_Q15 ? VOICE_DOWN_VOICED : VOICE_DOWN;
    }
    return (int16_t)tl_clamp(voice_db_q8, TL_SILENT, TL_DB(3));
}

/* The same, but what is far fainter hardly counts, though it be a voice: colleagues talk all day. */
static int32_t steady_after(int32_t steady_db_q16, int32_t loudness) {
    int32_t above_q16 = loudness * 256 - steady_db_q16; /* Q8 * 2^8 = Q16; within +-2^23 */
    if (above_q16 > 0) {
        return steady_db_q16 + above_q16 / STEADY_UP;
    }
    if (loudness <= TL_SILENT) {
        return steady_db_q16;
    }
    return steady_db_q16 - (above_q16 > -STEADY_NEAR * 256 ? STEADY_DOWN_NEAR : STEADY_DOWN);
}

/* Follows the mean of the noise floors; returns by how much it moved. The way to the first room that
 * is heard is none. */
static int32_t follow_floor(tl_loudness *l, const int16_t floor_db_q8[TL_BANDS]) {
    int32_t floor = 0, before = l->floor_db_q8[0];
    for (int32_t b = 0; b < TL_BANDS; b++) {
        floor += floor_db_q8[b]; /* also where nobody hears it: it tells of a turned gain */
    }
    floor /= TL_BANDS;
    l->floor_db_q8[0] = (int16_t)floor;
    l->floor_db_q8[1] = (int16_t)(l->floor_db_q8[1] + (floor - l->floor_db_q8[1]) / FLOOR_FRAMES);
    if (l->settling > 0) {
        l->settling--;
        return 0;
    }
    return floor - before;
}

/* Means, and the least and the most since the block before the running one. */
static void follow_recent(tl_loudness *l, int32_t loudness) {
    static const uint8_t part[2] = {20, 60}; /* frames */
    for (int32_t k = 0; k < 2; k++) {
        l->smooth_db_q8[k] =
            (int16_t)(l->smooth_db_q8[k] + (loudness - l->smooth_db_q8[k]) / part[k]);
    }
    if (l->filled == TL_LOUDNESS_BLOCK) {
        l->filled = 0;
        l->least_db_q8[0] = l->least_db_q8[1];
        l->most_db_q8[0] = l->most_db_q8[1];
    }
    int32_t fresh = l->filled++ == 0;
    l->least_db_q8[1] = (int16_t)(fresh ? loudness : tl_min(l->least_db_q8[1], loudness));
    l->most_db_q8[1] = (int16_t)(fresh ? loudness : tl_max(l->most_db_q8[1], loudness));
}

void tl_loudness_push(tl_loudness *l, int32_t loudness_db_q8, int16_t voicing_q15,
                      const int16_t floor_db_q8[TL_BANDS]) {
    int32_t moved_db_q8 = follow_floor(l, floor_db_q8);
    /* a low quantile (0.3), whoever speaks */
    int32_t step = loudness_db_q8 > l->background_db_q8 ? BACKGROUND_UP : -BACKGROUND_DOWN;
    l->background_db_q8 = (int16_t)(l->background_db_q8 + step);
    l->voice_db_q8 = voice_after(l->voice_db_q8, loudness_db_q8, voicing_q15);
    l->moving_db_q8 = voice_after(l->moving_db_q8 + moved_db_q8, loudness_db_q8, voicing_q15);
    l->steady_db_q16 = steady_after(l->steady_db_q16, loudness_db_q8);
    follow_recent(l, loudness_db_q8);
}
