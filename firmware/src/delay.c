#include "delay.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

#define DELAYS (TL_DELAY_MOST + 1)
#define LOUDER TL_DB(3)    /* than the destination a source must be to explain it */
#define RISE_LEAST (4 * 8) /* dB in Q3: smaller ones are no onset */
#define RISE_MOST (12 * 8)
#define FADE_SHIFT 8 /* of what met: a 256th with each onset */
#define CERTAIN (24 * 48 * 48) /* two dozen onsets of 6 dB on both sides */

void tl_delay_init(tl_delay *d) {
    memset(d, 0, sizeof *d);
    for (int32_t k = 0; k < DELAYS; k++) {
        d->source_db_q8[k] = TL_BANDS_LEAST;
    }
    d->destination_db_q8[0] = d->destination_db_q8[1] = TL_BANDS_LEAST;
}

static int16_t mean_db_q8(const int16_t db_q8[TL_BANDS]) {
    int32_t sum = 0; /* 13 * 2^15 */
    for (int32_t b = TL_TELEPHONE_FIRST; b < TL_TELEPHONE_END; b++) {
        sum += db_q8[b];
    }
    return (int16_t)(sum / (TL_TELEPHONE_END - TL_TELEPHONE_FIRST));
}

static int16_t rise_db_q3(int32_t now_db_q8, int32_t before_db_q8) {
    int32_t rise = (now_db_q8 - before_db_q8) >> 5; /* Q8 >> 5 = Q3 */
    return (int16_t)(rise < RISE_LEAST ? 0 : tl_min(rise, RISE_MOST));
}

int32_t tl_delay_push(tl_delay *d, const int16_t source_db_q8[TL_BANDS],
                      const int16_t destination_db_q8[TL_BANDS]) {
    int16_t source = mean_db_q8(source_db_q8), destination = mean_db_q8(destination_db_q8);
    int16_t rise = rise_db_q3(destination, d->destination_db_q8[1]);
    d->destination_db_q8[1] = d->destination_db_q8[0];
    d->destination_db_q8[0] = destination;
    int16_t source_rise = rise_db_q3(source, d->source_db_q8[1]);
    memmove(d->source_db_q8 + 1, d->source_db_q8, TL_DELAY_MOST * sizeof source);
    memmove(d->rise_db_q3 + 1, d->rise_db_q3, TL_DELAY_MOST * sizeof source_rise);
    d->source_db_q8[0] = source;
    d->rise_db_q3[0] = source_rise;
    if (rise == 0) {
        return d->frames;
    }
    int32_t most = 0;
    for (int32_t k = 0; k < DELAYS; k++) {
        /* at most 96^2 in 1/256 of what is kept: met stays below 2^22 */
        int32_t explained = d->source_db_q8[k] - destination >= LOUDER;
        d->met[k] += (explained ? rise * d->rise_db_q3[k] : 0) - (d->met[k] >> FADE_SHIFT);
        most = tl_max(most, d->met[k]);
    }
    /* one that met nearly as much is as good: an onset takes two frames */
    if (most > CERTAIN && 3 * d->met[d->frames] < 2 * most) {
        d->frames = 0;
        while (4 * d->met[d->frames] < 3 * most) {
            d->frames++;
        }
    }
    return d->frames;
}
