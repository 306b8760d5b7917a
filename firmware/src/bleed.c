#include "bleed.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

#define PRIOR TL_DB(-12)   /* cautious: a leak is believed strong until it was heard weaker */
#define STRONGEST TL_DB(-3)
#define WEAKEST TL_DB(-60)
#define SOURCE_OVER TL_DB(15) /* the source must stand so far above its floor to teach */
#define HEARD_OVER TL_DB(3)   /* ... and the leak so far above the destination's */
#define UP TL_DB(0.14)        /* steps of the quantile tracker: p = up / (up + down) = 0.35 */
#define DOWN TL_DB(0.26)
#define FAST_FRAMES 100 /* the first second of a band learns four times as fast */
#define SPREAD TL_DB(3) /* a leak varies by so much around its gain */
#define HEARD_FULL 100
#define HEARD_ENOUGH 30

void tl_bleed_init(tl_bleed *l) {
    memset(l, 0, sizeof *l);
    for (int32_t b = 0; b < TL_BANDS; b++) {
        l->gain_db_q8[b] = PRIOR;
        for (int32_t k = 0; k < TL_BLEED_MEMORY; k++) {
            l->recent_db_q8[k][b] = TL_DB(-100);
        }
    }
}

/* The source in this band now, or as it still rings on: 3 dB a frame less. */
static int32_t ringing_db_q8(const tl_bleed *l, int32_t b) {
    int32_t level = l->recent_db_q8[0][b];
    for (int32_t k = 1; k < TL_BLEED_MEMORY; k++) {
        level = tl_max(level, l->recent_db_q8[k][b] - k * TL_DB(3));
    }
    return level;
}

void tl_bleed_explain(tl_bleed *l, const int16_t source_db_q8[TL_BANDS],
                      int16_t explained_db_q8[TL_BANDS]) {
    memmove(l->recent_db_q8[1], l->recent_db_q8[0],
            (TL_BLEED_MEMORY - 1) * sizeof l->recent_db_q8[0]);
    memcpy(l->recent_db_q8[0], source_db_q8, sizeof l->recent_db_q8[0]);
    for (int32_t b = 0; b < TL_BANDS; b++) {
        explained_db_q8[b] = (int16_t)(ringing_db_q8(l, b) + l->gain_db_q8[b]);
    }
}

void tl_bleed_learn(tl_bleed *l, const int16_t source_floor_db_q8[TL_BANDS],
                    const int16_t destination_db_q8[TL_BANDS],
                    const int16_t destination_floor_db_q8[TL_BANDS]) {
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t source = ringing_db_q8(l, b);
        int32_t distance = destination_db_q8[b] - source;
        if (source - source_floor_db_q8[b] < SOURCE_OVER || distance > STRONGEST) {
            continue; /* the source is silent, or the destination's own party talks */
        }
        int32_t fast = l->seen[b] < FAST_FRAMES ? 4 : 1;
        int32_t gain = l->gain_db_q8[b];
        gain += distance > gain ? UP * fast : -DOWN * fast;
        l->gain_db_q8[b] = (int16_t)tl_clamp(gain, WEAKEST, STRONGEST);
        if (l->seen[b] < FAST_FRAMES) {
            l->seen[b]++;
        }
        int32_t heard = destination_db_q8[b] - destination_floor_db_q8[b] > HEARD_OVER;
        l->heard[b] = (int8_t)tl_clamp(l->heard[b] + (heard ? 1 : -1), 0, HEARD_FULL);
    }
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
    return count < 4 ? TL_DB_NONE : sorted[count / 2];
}

int32_t tl_bleed_unexplained_db_q8(const int16_t own_db_q8[TL_BANDS],
                                   const int16_t explained_db_q8[TL_BANDS]) {
    int32_t level = TL_SILENT;
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        if (own_db_q8[b] > explained_db_q8[b] + SPREAD) {
            level = tl_logadd_db_q8(level, own_db_q8[b]);
        }
    }
    return level;
}
