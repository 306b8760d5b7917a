#include "tone.h"

#include "fixed.h"

#define AUDIBLE TL_DB(-62)
/* With noise 20 dB below, tones keep 0.98 of their energy in the peaks. */
#define PAIR_SHARE_Q15 TL_Q(0.95, 15)
#define STEADY_SHARE_Q15 TL_Q(0.975, 15)
/* Two tones closer than a peak is wide (440 and 480 Hz) beat: every second frame may have less
 * share, and their common centre wanders by half a bin. */
#define BEATING_SHARE_Q15 TL_Q(0.93, 15)
#define STEADY_WITHIN_Q4 TL_Q(0.75, 4)
#define STEADY_LOWEST_Q4 TL_Q(12, 4) /* 375 Hz; below it voices have their fundamental */
#define STEADY_SINK TL_DB(9)         /* tones beat by less, vowels fade by more */
#define PAIR_FRAMES 2
#define STEADY_FRAMES 8
/* What follows a tone and is so much fainter is its end, or the gap before the next one. */
#define FADED TL_DB(10)
#define CUT_FRAMES 2 /* the window still holds some of a tone that was cut off */
#define FADING_FRAMES 25

void tl_tone_init(tl_tone *t) { *t = (tl_tone){0}; }

/* 697..941 Hz with 1209..1633 Hz, and one bin around. */
static int32_t is_pair(const tl_bands *b) {
    int32_t low = tl_min(b->peak_bin[0], b->peak_bin[1]);
    int32_t high = tl_max(b->peak_bin[0], b->peak_bin[1]);
    return b->peak_share_q15 > PAIR_SHARE_Q15 && low >= 21 && low <= 31 && high >= 38 && high <= 53;
}

/* Length of the run in which the peaks have stood where they are, at the same level. */
static int32_t steady_for(tl_tone *t, const tl_bands *b, int32_t level_db_q8) {
    int32_t enough_q15 = t->pure ? BEATING_SHARE_Q15 : STEADY_SHARE_Q15;
    t->pure = b->peak_share_q15 > STEADY_SHARE_Q15;
    if (b->peak_share_q15 <= enough_q15 || b->peak_centre_q4 < STEADY_LOWEST_Q4) {
        return 0;
    }
    int32_t lowest = tl_min(t->lowest_q4, b->peak_centre_q4);
    int32_t highest = tl_max(t->highest_q4, b->peak_centre_q4);
    int32_t loudest = tl_max(t->loudest_db_q8, level_db_q8);
    if (t->steady_frames > 0 && highest - lowest <= STEADY_WITHIN_Q4 &&
        level_db_q8 > loudest - STEADY_SINK) {
        t->lowest_q4 = (int16_t)lowest;
        t->highest_q4 = (int16_t)highest;
        t->loudest_db_q8 = (int16_t)loudest;
        return tl_min(t->steady_frames + 1, 255);
    }
    t->lowest_q4 = t->highest_q4 = b->peak_centre_q4;
    t->loudest_db_q8 = (int16_t)level_db_q8;
    return 1;
}

static int32_t loudest_band_db_q8(const int16_t db_q8[TL_BANDS]) {
    int32_t level = TL_SILENT;
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        level = tl_max(level, db_q8[b]);
    }
    return level;
}

int32_t tl_tone_push(tl_tone *t, const tl_bands *bands) {
    int32_t level = loudest_band_db_q8(bands->db_q8);
    int32_t audible = level > AUDIBLE;
    t->steady_frames = (uint8_t)(audible ? steady_for(t, bands, level) : 0);
    t->pair_frames = (uint8_t)(audible && is_pair(bands) ? tl_min(t->pair_frames + 1, 255) : 0);
    int32_t frames = tl_max(t->pair_frames >= PAIR_FRAMES ? t->pair_frames : 0,
                            t->steady_frames >= STEADY_FRAMES ? t->steady_frames : 0);
    if (frames > 0) {
        t->tone_db_q8 = tl_narrow16(level);
        t->fading_frames = FADING_FRAMES;
        return frames;
    }
    if (t->fading_frames > 0) {
        t->fading_frames--;
        if (level < t->tone_db_q8 - FADED || t->fading_frames >= FADING_FRAMES - CUT_FRAMES) {
            return 1;
        }
        t->fading_frames = 0;
    }
    return 0;
}
