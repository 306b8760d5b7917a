/* How much of one channel leaks into the other, band by band.
 *
 * One estimator a direction: the microphone hears the earpiece (bleed), the earpiece is fed the
 * microphone (sidetone). While the source talks, the distance of the two channels' levels in a
 * band is the leak's gain, or more where the destination's own party talks too: a low quantile of
 * it is the gain, whatever was decided about the speech. So a wrong decision cannot lock it.
 */
#ifndef TL_BLEED_H
#define TL_BLEED_H

#include <stdint.h>

#include "delay.h"
#include "turnlight.h"

#define TL_BLEED_RINGING 3 /* frames of the source that may still sound in the destination */
#define TL_BLEED_PAST (TL_DELAY_MOST + TL_BLEED_RINGING)

typedef struct {
    int16_t gain_db_q8[TL_BANDS];                 /* destination against source */
    int16_t past_db_q8[TL_BLEED_PAST][TL_BANDS];  /* the source's bands, a ring */
    int32_t at;                                   /* where the newest stand in it */
    int16_t ringing_db_q8[TL_BANDS]; /* the source as the leak has it now, or still rings on */
    int16_t strongest_db_q8; /* that a leak can be: what is stronger is the destination's own party */
    int16_t seen[TL_BANDS];  /* frames that taught a band, up to 100 */
    int16_t heard[TL_BANDS]; /* of late: frames whose leak stood above the noise, less the others */
} tl_bleed;

void tl_bleed_init(tl_bleed *l);

/* Writes the level that the source alone, `delay` frames ago (0..TL_DELAY_MOST), explains in the
 * destination, per band; least -100. */
void tl_bleed_explain(tl_bleed *l, const int16_t source_db_q8[TL_BANDS], int32_t delay,
                      int16_t explained_db_q8[TL_BANDS]);

/* Learns from this frame: levels and noise floors of source and destination. Call after explain. */
void tl_bleed_learn(tl_bleed *l, const int16_t source_floor_db_q8[TL_BANDS],
                    const int16_t destination_db_q8[TL_BANDS],
                    const int16_t destination_floor_db_q8[TL_BANDS]);

/* By how much the destination lies below what the source alone should leak into it, on the mean of
 * the bands whose leak was really heard, or TL_DB_NONE. Below 0 in any call, but for one whose gains
 * were turned. Call after explain. */
int32_t tl_bleed_missing_db_q8(const tl_bleed *l, const int16_t destination_db_q8[TL_BANDS]);

/* The gain of the destination was turned, or that of the source was turned up: what was learned moves
 * along, and is learned anew, fast. */
void tl_bleed_turned(tl_bleed *l, int32_t own_db_q8, int32_t source_risen_db_q8);

/* Level of the telephone band without the bands that the other channel explains; TL_BANDS_LEAST
 * where nothing is left. */
int32_t tl_bleed_unexplained_db_q8(const int16_t own_db_q8[TL_BANDS],
                                   const int16_t explained_db_q8[TL_BANDS]);

/* Median gain of the telephone bands that were really heard, or TL_DB_NONE. */
int16_t tl_bleed_gain_db_q8(const tl_bleed *l);

#endif
