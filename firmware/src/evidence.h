/* What the speech network sees of one frame: 92 small integers from both channels together.
 *
 * Nothing here depends on a decision, so nothing wrong can be learned from one.
 */
#ifndef TL_EVIDENCE_H
#define TL_EVIDENCE_H

#include <stdint.h>

#include "bands.h"
#include "loudness.h"
#include "turnlight.h"

#define TL_EVIDENCE_LEAKS (TL_BANDS / 2) /* what a leak explains is told by pairs of bands */
#define TL_EVIDENCE_OTHERS 16
#define TL_EVIDENCE_CHANNEL (TL_BANDS + TL_EVIDENCE_LEAKS + TL_EVIDENCE_OTHERS)
#define TL_EVIDENCE (TL_CHANNELS * TL_EVIDENCE_CHANNEL)

typedef struct {
    tl_loudness loudness[TL_CHANNELS];
    int32_t turned_db_q8[TL_CHANNELS]; /* a room told with the newest frame that a gain was turned */
} tl_evidence;

/* One channel of one frame, as its stages left it. */
typedef struct {
    const tl_bands *bands;
    const int16_t *floor_db_q8; /* noise floor per band */
    const int16_t *leak_db_q8;  /* what the other channel explains per band */
    int32_t loudness_db_q8;     /* level of what it does not explain */
    int16_t voicing_q15;
    int16_t lag_log2_q11; /* of the pitch, 0 unvoiced */
    int16_t music_odds_q8;
} tl_evidence_in;

void tl_evidence_init(tl_evidence *f);

/* out: agent's 46 values, then the customer's; each is a distance in half dB or a share in 1/64,
 * centred and clamped to int8. */
void tl_evidence_push(tl_evidence *f, const tl_evidence_in in[TL_CHANNELS],
                      int8_t out[TL_EVIDENCE]);

#endif
