/* From frame-wise odds to a talk decision that does not flicker: hysteresis. */
#ifndef TL_SPEECH_H
#define TL_SPEECH_H

#include <stdint.h>

typedef struct {
    uint8_t talk;
} tl_speech;

typedef struct {
    int16_t probability_q15;
    uint8_t talk;
} tl_speech_result;

void tl_speech_init(tl_speech *s);

/* Takes the log-odds of one frame and decides it. */
void tl_speech_push(tl_speech *s, int16_t odds_q8, tl_speech_result *out);

#endif
