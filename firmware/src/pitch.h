/* Fundamental frequency and periodicity of one channel, by normalised cross-correlation.
 *
 * Works on the sound decimated to 4 kHz. Two windows of 30 ms, one lag apart, are compared for
 * lags of 60..400 Hz; the shortest lag that is nearly as good as the best wins, which keeps the
 * octave. Method: normalised cross-correlation as in Talkin's RAPT (1995).
 */
#ifndef TL_PITCH_H
#define TL_PITCH_H

#include <stdint.h>

#define TL_PITCH_WINDOW 120 /* 30 ms at 4 kHz */
#define TL_PITCH_LAG_MIN 9  /* 444 Hz */
#define TL_PITCH_LAG_MAX 67 /* 60 Hz */
#define TL_PITCH_PAST (TL_PITCH_WINDOW + TL_PITCH_LAG_MAX + 1)
#define TL_PITCH_TAPS 48

typedef struct {
    int16_t taps[TL_PITCH_TAPS + 160]; /* newest samples at 16 kHz, oldest first */
    int16_t past[TL_PITCH_PAST];       /* newest samples at 4 kHz, oldest first */
    int16_t last_lag_q4;               /* 0 after an unvoiced frame */
} tl_pitch;

typedef struct {
    uint16_t f0_hz_q4;   /* 0 where unvoiced */
    int16_t voicing_q15; /* best correlation, 0..1 */
} tl_pitch_result;

void tl_pitch_init(tl_pitch *p);

/* hop: 160 new samples at 16 kHz. The result is about the sound 20..25 ms before their end. */
void tl_pitch_push(tl_pitch *p, const int16_t *hop, tl_pitch_result *out);

#endif
