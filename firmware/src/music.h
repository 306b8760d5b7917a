/* Music on hold, told from speech and noise by a small network over cues of the last seconds.
 *
 * Notes stand still for longer than a voice does, music has no closures, and its spectrum changes
 * by chords, not by phones. Each frame gives 15 cues; their means over about 0.3 and 1.3 s are what
 * the network sees, ten times a second. Its weights are written by models/music/train.py.
 */
#ifndef TL_MUSIC_H
#define TL_MUSIC_H

#include <stdint.h>

#include "bands.h"
#include "music_weights.h"

#define TL_MUSIC_BANDS (TL_TELEPHONE_END - TL_TELEPHONE_FIRST)
#define TL_MUSIC_PAST 10 /* frames of peaks that are compared */
#define TL_MUSIC_LOOK 10 /* frames from one look of the network to the next */

typedef struct {
    int32_t sum_q8[TL_MUSIC_CUES];    /* of the cues since the last look */
    int32_t short_q16[TL_MUSIC_CUES]; /* their means over 32 frames */
    int32_t long_q16[TL_MUSIC_CUES];  /* ... and over 128 */
    int16_t last_db_q8[TL_MUSIC_BANDS];
    int16_t slow_db_q8[TL_MUSIC_BANDS]; /* the bands, over 32 frames */
    int16_t slow_voicing_q15;
    int16_t slow_tilt_db_q8; /* upper bands over lower ones */
    int16_t last_loudness_db_q8;
    int16_t loudest_db_q8; /* of late: sinks by 3 dB/s */
    int16_t odds_q8;       /* log-odds of music, ten times a second */
    uint8_t peak_bin[TL_MUSIC_PAST][2]; /* ring */
    uint8_t at;                         /* where the newest peaks stand */
    uint8_t frames;                     /* since the last look */
    uint8_t music;
} tl_music;

void tl_music_init(tl_music *m);

/* Takes one frame: its bands, their level without the other channel's leak, and its periodicity.
 * Returns 1 while music sounds. */
int32_t tl_music_push(tl_music *m, const tl_bands *bands, int32_t loudness_db_q8,
                      int16_t voicing_q15);

/* What the network sees: Q8, TL_MUSIC_INPUTS values. */
void tl_music_inputs(const tl_music *m, int16_t inputs_q8[TL_MUSIC_INPUTS]);

#endif
