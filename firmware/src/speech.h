/* From frame-wise odds to a talk decision that does not flicker: hysteresis. */
#ifndef TL_SPEECH_H
#define TL_SPEECH_H

#include <stdint.h>

#include "fixed.h"

/* Log-odds from which a party talks. Once later frames are known fewer words are invented, so the
 * confirmed decision can afford to miss fewer. */
#define TL_TALK_SOON_Q8 TL_Q(0.0, 8)
#define TL_TALK_CONFIRMED_Q8 TL_Q(-0.3, 8)

typedef struct {
    int16_t on_q8;
    uint8_t talk;
} tl_speech;

typedef struct {
    int16_t probability_q15;
    uint8_t talk;
} tl_speech_result;

/* on: log-odds from which the party talks, until they fall half below. */
void tl_speech_init(tl_speech *s, int16_t on_q8);

/* Takes the log-odds of one frame and decides it. */
void tl_speech_push(tl_speech *s, int16_t odds_q8, tl_speech_result *out);

#endif
