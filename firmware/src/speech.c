#include "speech.h"

#include <string.h>

#include "fixed.h"

#define BEFORE_Q8 TL_Q(-8, 8) /* of the frames before the sound began */
#define TALK_HELD_Q8 TL_Q(0.5, 8)

void tl_speech_init(tl_speech *s, int16_t on_q8, uint8_t frames) {
    s->on_q8 = on_q8;
    s->frames = frames;
    s->talk = 0;
    for (int32_t i = 0; i < TL_SPEECH_FRAMES; i++) {
        s->odds_q8[i] = BEFORE_Q8;
    }
}

void tl_speech_push(tl_speech *s, int16_t odds_q8, tl_speech_result *out) {
    memmove(s->odds_q8, s->odds_q8 + 1, sizeof s->odds_q8 - sizeof s->odds_q8[0]);
    s->odds_q8[TL_SPEECH_FRAMES - 1] = odds_q8;
    int32_t sum_q8 = 0; /* of five below 2^11 */
    for (int32_t i = TL_SPEECH_FRAMES - s->frames; i < TL_SPEECH_FRAMES; i++) {
        sum_q8 += s->odds_q8[i];
    }
    if (sum_q8 > s->on_q8 * s->frames) {
        s->talk = 1;
    } else if (sum_q8 < (s->on_q8 - TALK_HELD_Q8) * s->frames) {
        s->talk = 0;
    }
    out->talk = s->talk;
    out->probability_q15 = (int16_t)tl_min(tl_logistic_q15_of(sum_q8 / s->frames), 32767);
}
