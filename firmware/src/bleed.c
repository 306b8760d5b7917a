#include "bleed.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

#define PRIOR TL_DB(-12)   /* cautious: a leak is believed strong until it was heard weaker */
#define STRONGEST TL_DB(-3) /* where the gains are as the house set them ... */
#define STRONGEST_TURNED TL_DB(20) /* ... and where somebody turned the destination's up */
#define WEAKEST TL_DB(-60)
#define SOURCE_OVER TL_DB(15) /* the source must stand so far above its floor to teach */
#define HEARD_OVER TL_DB(3)   /* ... and the leak so far above the destination's */
#define UP TL_DB(0.14)        /* steps of the quantile tracker: p = up / (up + down) = 0.35 */
#define DOWN TL_DB(0.26)
#define RINGING_LOSS TL_DB(3) /* per frame */
#define FAST_FRAMES 100 /* the first second of a band learns four times as fast */
#define SPREAD TL_DB(3) /* a leak varies by so much around its gain */
#define HEARD_FULL 100
#define HEARD_ENOUGH 30
#define BANDS_ENOUGH 4 /* really heard */

static inline int16_t max16(int16_t a, int16_t b) { return a > b ? a : b; }

static inline int16_t min16(int16_t a, int16_t b) { return a < b ? a : b; }

void tl_bleed_init(tl_bleed *l) {
    memset(l, 0, sizeof *l);
    l->strongest_db_q8 = STRONGEST;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        l->gain_db_q8[b] = PRIOR;
        for (int32_t k = 0; k < TL_BLEED_PAST; k++) {
            l->past_db_q8[k][b] = TL_BANDS_LEAST;
        }
    }
}

/* Levels and floors lie within -100..3 dB, gains within -60..20: every difference below stays
 * within +-128 dB, which are 16 bits. The loops keep to them, so that eight bands go at once. */

void tl_bleed_explain(tl_bleed *l, const int16_t source_db_q8[TL_BANDS], int32_t delay,
                      int16_t explained_db_q8[TL_BANDS]) {
    l->at = l->at == 0 ? TL_BLEED_PAST - 1 : l->at - 1;
    memcpy(l->past_db_q8[l->at], source_db_q8, sizeof l->past_db_q8[0]);
    const int16_t *ringing[TL_BLEED_RINGING];
    for (int32_t k = 0; k < TL_BLEED_RINGING; k++) {
        ringing[k] = l->past_db_q8[(l->at + delay + k) % TL_BLEED_PAST];
    }
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int16_t level = ringing[0][b];
        for (int32_t k = 1; k < TL_BLEED_RINGING; k++) {
            level = max16(level, tl_narrow16(ringing[k][b] - k * RINGING_LOSS));
        }
        l->ringing_db_q8[b] = level;
        int16_t gain = l->gain_db_q8[b];
        explained_db_q8[b] = tl_narrow16(max16(level, tl_narrow16(TL_BANDS_LEAST - gain)) + gain);
    }
}

void tl_bleed_learn(tl_bleed *l, const int16_t source_floor_db_q8[TL_BANDS],
                    const int16_t destination_db_q8[TL_BANDS],
                    const int16_t destination_floor_db_q8[TL_BANDS]) {
    int16_t strongest = l->strongest_db_q8;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int16_t source = l->ringing_db_q8[b], level = destination_db_q8[b];
        int16_t distance = tl_narrow16(level - source);
        /* else the source is silent, or the destination's own party talks */
        int32_t teaches = (tl_narrow16(source - source_floor_db_q8[b]) >= SOURCE_OVER) &
                          (distance <= strongest);
        int32_t fast = l->seen[b] < FAST_FRAMES;
        int16_t gain = l->gain_db_q8[b];
        int16_t step = distance > gain ? (fast ? 4 * UP : UP) : (fast ? -4 * DOWN : -DOWN);
        int16_t learned = min16(max16(tl_narrow16(gain + step), WEAKEST), strongest);
        l->gain_db_q8[b] = teaches ? learned : gain;
        l->seen[b] = tl_narrow16(l->seen[b] + (teaches & fast));
        int16_t heard = tl_narrow16(level - destination_floor_db_q8[b]) > HEARD_OVER ? 1 : -1;
        int16_t sum = min16(max16(tl_narrow16(l->heard[b] + heard), 0), HEARD_FULL);
        l->heard[b] = teaches ? sum : l->heard[b];
    }
}

void tl_bleed_turned(tl_bleed *l, int32_t own_db_q8, int32_t source_risen_db_q8) {
    l->strongest_db_q8 = (int16_t)tl_clamp(l->strongest_db_q8 + own_db_q8 - source_risen_db_q8,
                                           STRONGEST, STRONGEST_TURNED);
    int32_t risen = tl_max(own_db_q8, 0); /* a leak that fell is unlearnt within a word */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t gain = l->gain_db_q8[b] + risen - source_risen_db_q8;
        l->gain_db_q8[b] = (int16_t)tl_clamp(gain, WEAKEST, l->strongest_db_q8);
        l->seen[b] = 0;
    }
}

int32_t tl_bleed_missing_db_q8(const tl_bleed *l, const int16_t destination_db_q8[TL_BANDS]) {
    int32_t sum = 0, count = 0; /* twenty of +-206 dB */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        if (l->heard[b] >= HEARD_ENOUGH) {
            sum += l->ringing_db_q8[b] + l->gain_db_q8[b] - destination_db_q8[b];
            count++;
        }
    }
    return count < BANDS_ENOUGH ? TL_DB_NONE : sum / count;
}

int16_t tl_bleed_gain_db_q8(const tl_bleed *l) {
    int16_t sorted[TL_TELEPHONE_END - TL_TELEPHONE_FIRST];
    int32_t count = 0;
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        if (l->heard[b] < HEARD_ENOUGH) {
            continue;
        }
        int32_t i = count++;
        /* cppcheck-suppress uninitvar; what lies below count was written */
        for (; i > 0 && sorted[i - 1] > l->gain_db_q8[b]; i--) {
            sorted[i] = sorted[i - 1];
        }
        sorted[i] = l->gain_db_q8[b];
    }
    return count < BANDS_ENOUGH ? TL_DB_NONE : sorted[count / 2];
}

int32_t tl_bleed_unexplained_db_q8(const int16_t own_db_q8[TL_BANDS],
                                   const int16_t explained_db_q8[TL_BANDS]) {
    int32_t level = TL_BANDS_LEAST;
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        if (own_db_q8[b] > explained_db_q8[b] + SPREAD) {
            level = tl_logadd_db_q8(level, own_db_q8[b]);
        }
    }
    return level;
}
