/* Tones of the line: ringback, busy, DTMF and every other steady beep.
 *
 * A tone has nearly all its energy in two narrow peaks, and they do not move. The harmonics of a
 * steady vowel may look alike for a few frames: so a tone must last, but a pair of one low and one
 * high DTMF frequency, which no voice makes, is believed at once.
 */
#ifndef TL_TONE_H
#define TL_TONE_H

#include <stdint.h>

#include "bands.h"

typedef struct {
    int16_t lowest_q4, highest_q4; /* centre of the peaks since the run began */
    int16_t loudest_db_q8;         /* of the run */
    int16_t tone_db_q8;            /* level of the newest tone */
    uint8_t steady_frames;         /* length of the run */
    uint8_t pure;                  /* whether the frame before had the full share */
    uint8_t pair_frames;           /* the same of a DTMF pair */
    uint8_t fading_frames;         /* that may still belong to a tone that has ended */
} tl_tone;

void tl_tone_init(tl_tone *t);

/* Takes one frame. Returns how many frames, this one being the last, are a tone. */
int32_t tl_tone_push(tl_tone *t, const tl_bands *bands);

#endif
