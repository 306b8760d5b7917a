/* Windowed spectrum of one channel, as log bands and as the share of its strongest peaks. */
#ifndef TL_BANDS_H
#define TL_BANDS_H

#include <stdint.h>

#include "fixed.h"
#include "turnlight.h"

/* The bands that every telephone passes, 312 Hz .. 3.9 kHz: from FIRST up to, not including, END. */
#define TL_TELEPHONE_FIRST 2
#define TL_TELEPHONE_END 15

#define TL_BANDS_LEAST TL_DB(-100) /* no band, and no floor of one, is lower */

typedef struct {
    int16_t db_q8[TL_BANDS]; /* energy of each band, dBFS; least -100 */
    int16_t peak_share_q15;  /* share of the telephone band's two strongest peaks (5 bins each) */
    int16_t peak_centre_q4;  /* centre of gravity of both peaks, in bins of 31.25 Hz */
    uint8_t peak_bin[2];     /* where they stand, the stronger one first */
    uint8_t silent;          /* digital silence: a mute or a gate, and the room is not heard */
} tl_bands;

/* samples: the newest TL_WINDOW_N (400) samples of one channel. */
void tl_bands_of(const int16_t *samples, tl_bands *out);

#endif
