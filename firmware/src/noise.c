#include "noise.h"

#include "bands.h"
#include "fixed.h"

#define START TL_DB(-60)
#define UP TL_DB(0.05) /* per frame */
#define NEAR TL_DB(3)
#define PATIENCE 80 /* frames */
#define UP_WRONG TL_DB(0.6)
#define DOWN 12         /* part of the distance per frame */

void tl_noise_init(tl_noise *n) {
    for (int32_t b = 0; b < TL_BANDS; b++) {
        n->floor_db_q8[b] = START;
        n->untouched[b] = 0;
    }
}

void tl_noise_push(tl_noise *n, const int16_t bands_db_q8[TL_BANDS]) {
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t level = tl_max(bands_db_q8[b], TL_BANDS_LEAST), floor = n->floor_db_q8[b];
        int32_t untouched = level > floor + NEAR ? tl_min(n->untouched[b] + 1, PATIENCE) : 0;
        int32_t up = untouched < PATIENCE ? UP : UP_WRONG;
        floor += level > floor ? tl_min(up, level - floor) : -((floor - level + DOWN - 1) / DOWN);
        n->untouched[b] = (int16_t)untouched;
        n->floor_db_q8[b] = (int16_t)floor;
    }
}

void tl_noise_turned(tl_noise *n, const int16_t room_db_q8[TL_BANDS], int32_t by_db_q8) {
    for (int32_t b = 0; b < TL_BANDS; b++) {
        n->floor_db_q8[b] = (int16_t)tl_max(n->floor_db_q8[b], room_db_q8[b] + by_db_q8);
    }
}
