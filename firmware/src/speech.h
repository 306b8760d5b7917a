/* Whether a party talks: from what its channel holds beyond noise and the other party's leak.
 *
 * evidence (one frame, both channels known) -> smoothing over the lookahead -> probability ->
 * talk decision with hysteresis.
 */
#ifndef TL_SPEECH_H
#define TL_SPEECH_H

#include <stdint.h>

#include "turnlight.h"

#define TL_SPEECH_AHEAD 3 /* frames of evidence after the one decided */

typedef struct {
    int16_t evidence_q8[TL_SPEECH_AHEAD + 1]; /* newest last */
    int16_t past_q8;                          /* running mean of the evidence before */
    uint8_t talk;
    uint8_t hang; /* frames that talk still holds */
} tl_speech;

typedef struct {
    int16_t probability_q15;
    uint8_t talk;
} tl_speech_result;

void tl_speech_init(tl_speech *s);

/* Log-odds (Q8) that this party speaks in this frame, from its own bands, what noise and leak
 * explain of them, its periodicity and the share of pure peaks. */
int16_t tl_speech_evidence_q8(const int16_t own_db_q8[TL_BANDS], const int16_t floor_db_q8[TL_BANDS],
                              const int16_t leak_db_q8[TL_BANDS], int16_t voicing_q15,
                              int32_t not_speech);

/* Takes the newest frame's evidence; decides the frame TL_SPEECH_AHEAD before it. */
void tl_speech_push(tl_speech *s, int16_t evidence_q8, tl_speech_result *out);

#endif
