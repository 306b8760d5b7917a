#include "syllable.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

#define BANDS_END 13            /* vowels: 312 Hz .. 3 kHz */
#define UNVOICED_LESS TL_DB(12) /* a frame without any period counts as so much fainter */
#define DIP TL_DB(3)
#define VOICED_Q15 TL_Q(0.5, 15)
#define RANGE TL_DB(25)      /* below the loudest of late there is no nucleus */
#define FORGET TL_DB(0.08)   /* per frame: 8 dB/s */
#define SILENCE TL_DB(-33.3) /* eleven silent bands: -75 + 40 log10(11) */
#define AUDIBLE TL_DB(-27)

void tl_syllable_init(tl_syllable *s) {
    for (int32_t i = 0; i < 5; i++) {
        s->loudness_db_q8[i] = s->smooth_db_q8[i] = SILENCE;
    }
    s->nucleus_db_q8 = 0;
    s->dip_db_q8 = s->loudest_db_q8 = SILENCE;
}

/* 10^(level / 40) of -75..0 dB and a little more, Q20, by 2^x = 2^whole * (1 + f (0.6565 + 0.3435 f)):
 * error at most 0.3 %, which is 0.05 dB. */
static int32_t fourth_root_q20(int32_t level_db_q8) {
    int32_t x_q16 = (level_db_q8 * TL_Q(0.0830482, 18)) >> 10; /* Q8 * Q18 >> 10 = Q16; 2^15 * 2^15 */
    int32_t f_q15 = (x_q16 & 65535) >> 1;
    int32_t rise_q15 = TL_Q(0.6565, 15) + ((TL_Q(0.3435, 15) * f_q15) >> 15);
    int32_t mantissa_q28 = (1 << 28) + ((f_q15 * rise_q15) >> 2); /* Q30 >> 2 = Q28, below 2^29 */
    return mantissa_q28 >> (8 - (x_q16 >> 16));                   /* the whole part is -7..0 */
}

/* 40 log10(sum of 10^(level / 40)), less what is not periodic: -45.4 .. 42 dB. */
static int16_t loudness_db_q8(const int16_t bands_db_q8[TL_BANDS], int16_t voicing_q15) {
    int32_t sum_q20 = 0; /* 11 bands of at most 10^0.25 * 2^20 < 2^25 */
    for (int32_t b = TL_TELEPHONE_FIRST; b < BANDS_END; b++) {
        sum_q20 += fourth_root_q20(tl_clamp(bands_db_q8[b], TL_SILENT, TL_DB(10)));
    }
    /* 20 log10(2^20) = 120.412 / 2 for 10 log10; Q8 * Q15 >> 15 = Q8 */
    int32_t loudness = 4 * (tl_db_q8_of((uint64_t)sum_q20) - TL_DB(60.206));
    return tl_narrow16(loudness - ((UNVOICED_LESS * (32767 - voicing_q15)) >> 15));
}

static void shift_in(int16_t ring[5], int16_t newest) {
    memmove(ring + 1, ring, 4 * sizeof ring[0]);
    ring[0] = newest;
}

int32_t tl_syllable_push(tl_syllable *s, const int16_t bands_db_q8[TL_BANDS], int16_t voicing_q15,
                         int16_t voicing_then_q15) {
    shift_in(s->loudness_db_q8, loudness_db_q8(bands_db_q8, voicing_q15));
    const int16_t *l = s->loudness_db_q8;
    shift_in(s->smooth_db_q8, (int16_t)((l[0] + 2 * l[1] + 3 * l[2] + 2 * l[3] + l[4]) / 9));
    const int16_t *smooth = s->smooth_db_q8;
    int16_t here = smooth[1];

    s->loudest_db_q8 = (int16_t)tl_max(here, s->loudest_db_q8 - FORGET);
    s->dip_db_q8 = (int16_t)tl_min(s->dip_db_q8, here);
    int32_t peak = here > smooth[0] && here >= smooth[2] && here >= smooth[3] && here >= smooth[4];
    int32_t dipped = tl_min(here, s->nucleus_db_q8) - s->dip_db_q8 >= DIP;
    int32_t loud = here > tl_max(s->loudest_db_q8 - RANGE, AUDIBLE);
    if (peak && dipped && loud && voicing_then_q15 >= VOICED_Q15) {
        s->nucleus_db_q8 = s->dip_db_q8 = here;
        return 1;
    }
    /* a hump that goes on rising is the same syllable */
    s->nucleus_db_q8 = (int16_t)tl_max(s->nucleus_db_q8, here);
    return 0;
}
