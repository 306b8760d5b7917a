/* Fundamental frequency and periodicity of one channel.
 *
 * 1. Bend: a negative half wave is turned up and counts two thirds of a positive one. The envelope
 *    that this adds beats at the fundamental, so a voice keeps its octave where a telephone has cut
 *    its fundamental off; what is left of the wave itself keeps the octave of a pure tone.
 * 2. 16 -> 4 kHz by two running means of four samples, less the envelope's slow level.
 * 3. Likeness of two windows of 30 ms that lie one lag apart, for lags of 61..444 Hz: the
 *    normalised square difference 2 sum(ab) / sum(a^2 + b^2) (McLeod and Wyvill, 2005). It needs no
 *    root, and each hop is summed once and added three times.
 * 4. The best path through the peaks of the frames, or through "unvoiced", where a step costs by
 *    its size in octaves (as in Talkin's RAPT, 1995); it is read two frames late.
 */
#ifndef TL_PITCH_H
#define TL_PITCH_H

#include <stdint.h>

#define TL_PITCH_LAG_MIN 9                       /* at 4 kHz: 444 Hz */
#define TL_PITCH_LAG_MAX 66                      /* 61 Hz */
#define TL_PITCH_PAST (TL_PITCH_LAG_MAX + 1)     /* a peak has a neighbour on each side */
#define TL_PITCH_LAGS (TL_PITCH_PAST - TL_PITCH_LAG_MIN + 2)
#define TL_PITCH_STATES 5                        /* unvoiced, or one of four peaks */
#define TL_PITCH_LATE 2                          /* frames */

/* One hop against the sound before it, the longest lag first; samples were shifted right first. */
typedef struct {
    int32_t cross[TL_PITCH_LAGS]; /* sum(ab) */
    int32_t power[TL_PITCH_LAGS]; /* sum(a^2 + b^2) */
    int32_t shift;
} tl_pitch_sums;

/* What a frame may be: state 0 is unvoiced, the others are peaks. */
typedef struct {
    int32_t states;
    int16_t lag_q6[TL_PITCH_STATES];
    int16_t lag_log2_q11[TL_PITCH_STATES];
    uint8_t from[TL_PITCH_STATES]; /* the state before on the best path to this one */
    int16_t voicing_q15;
} tl_pitch_frame;

typedef struct {
    int32_t rising_q4;           /* what the newest four samples give to the next mean */
    int32_t level_q4;            /* of the envelope */
    int16_t past[TL_PITCH_PAST]; /* newest samples at 4 kHz, oldest first */
    int16_t oldest;              /* of the two below */
    tl_pitch_sums older[2];      /* of the two hops before */
    tl_pitch_frame frames[TL_PITCH_LATE + 1];  /* newest first */
    int32_t path_q15[TL_PITCH_STATES];         /* worth of the best path to each newest state */
} tl_pitch;

typedef struct {
    uint16_t f0_hz_q4;   /* 0 where unvoiced */
    int16_t voicing_q15; /* periodicity of the same moment, 0..1 */
    int16_t quick_q15;   /* periodicity of the newest moment, 0..1 */
    /* newest lag, as the path has it so far: log2 of Q6 samples at 4 kHz, 0 where unvoiced */
    int16_t quick_lag_log2_q11;
} tl_pitch_result;

void tl_pitch_init(tl_pitch *p);

/* hop: 160 new samples at 16 kHz. The middle of the two windows lies 16 ms (444 Hz) to 24 ms
 * (61 Hz) before their end: quick_q15 is about that moment, the rest about 20 ms earlier. */
void tl_pitch_push(tl_pitch *p, const int16_t *hop, tl_pitch_result *out);

#endif
