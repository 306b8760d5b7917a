/* From frame-wise odds to a talk decision that does not flicker: a short mean, and hysteresis. */
#ifndef TL_SPEECH_H
#define TL_SPEECH_H

#include <stdint.h>

#include "fixed.h"

/* Log-odds from which a party talks. Once later frames are known fewer words are invented, so the
 * confirmed decision can afford to miss fewer. */
#define TL_TALK_SOON_Q8 TL_Q(0.0, 8)
#define TL_TALK_CONFIRMED_Q8 TL_Q(-0.5, 8)

/* The confirmed decision is about the middle one of so many frames, whose odds it takes the mean of:
 * where a word ends is told a little better by several guesses than by one. */
#define TL_SPEECH_FRAMES 5
#define TL_SPEECH_BEHIND (TL_SPEECH_FRAMES / 2)

typedef struct {
    int16_t on_q8;
    int16_t odds_q8[TL_SPEECH_FRAMES]; /* the newest last */
    uint8_t frames, talk;
} tl_speech;

typedef struct {
    int16_t probability_q15;
    uint8_t talk;
} tl_speech_result;

/* on: log-odds from which the party talks, until they fall half below. frames: of which the mean is
 * taken, an odd number up to TL_SPEECH_FRAMES. */
void tl_speech_init(tl_speech *s, int16_t on_q8, uint8_t frames);

/* Takes the log-odds of one frame, within +-8, and decides the one frames / 2 before it. */
void tl_speech_push(tl_speech *s, int16_t odds_q8, tl_speech_result *out);

#endif
