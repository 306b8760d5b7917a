/* Syllable nuclei of one channel: voiced peaks of loudness with a dip between any two.
 *
 * Loudness adds the bands where vowels live by the fourth root of their power, so that a vowel with
 * two formants stands out over a nasal with one; what is not periodic counts as fainter. After
 * de Jong and Wempe (2009), whose contour is the plain level.
 */
#ifndef TL_SYLLABLE_H
#define TL_SYLLABLE_H

#include <stdint.h>

#include "turnlight.h"

#define TL_SYLLABLE_BEHIND 3 /* a nucleus is known when so many later frames were heard */

typedef struct {
    int16_t loudness_db_q8[5]; /* newest first */
    int16_t smooth_db_q8[5];   /* the same over 50 ms; the second one is the candidate */
    int16_t nucleus_db_q8;     /* the latest nucleus, or what came higher after it */
    int16_t dip_db_q8;         /* least since then */
    int16_t loudest_db_q8;     /* of late */
} tl_syllable;

void tl_syllable_init(tl_syllable *s);

/* Takes the bands of one frame, the newest periodicity, and that of TL_SYLLABLE_BEHIND frames ago.
 * Returns 1 where a nucleus stands in that earlier frame. */
int32_t tl_syllable_push(tl_syllable *s, const int16_t bands_db_q8[TL_BANDS], int16_t voicing_q15,
                         int16_t voicing_then_q15);

#endif
