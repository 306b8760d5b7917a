#include "speech.h"

#include "fixed.h"

#define TALK_HELD_Q8 TL_Q(0.5, 8)

void tl_speech_init(tl_speech *s, int16_t on_q8) {
    s->on_q8 = on_q8;
    s->talk = 0;
}

void tl_speech_push(tl_speech *s, int16_t odds_q8, tl_speech_result *out) {
    if (odds_q8 > s->on_q8) {
        s->talk = 1;
    } else if (odds_q8 < s->on_q8 - TALK_HELD_Q8) {
        s->talk = 0;
    }
    out->talk = s->talk;
    out->probability_q15 = (int16_t)tl_min(tl_logistic_q15_of(odds_q8), 32767);
}
