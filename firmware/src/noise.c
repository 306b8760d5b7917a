#include "noise.h"

#include <string.h>

#include "fixed.h"

#define BLOCK 75              /* frames: two of them are the 1.5 s of memory */
#define LEAST_FLOOR TL_DB(-85) /* below this every sound is as good as silence */
#define START TL_DB(-60)

void tl_noise_init(tl_noise *n) {
    memset(n, 0, sizeof *n);
    for (int32_t b = 0; b < TL_BANDS; b++) {
        n->floor_db_q8[b] = START;
        n->least_db_q8[0][b] = n->least_db_q8[1][b] = INT16_MAX;
    }
}

void tl_noise_push(tl_noise *n, const int16_t bands_db_q8[TL_BANDS], int32_t quiet) {
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t level = tl_max(bands_db_q8[b], LEAST_FLOOR);
        int32_t floor = n->floor_db_q8[b];
        n->least_db_q8[1][b] = (int16_t)tl_min(n->least_db_q8[1][b], level);
        if (level < floor) {
            floor -= (floor - level + 15) / 16; /* 0.16 s time constant, down */
        } else if (quiet) {
            floor += tl_min((level - floor) / 16, TL_DB(0.4));
        }
        int32_t least = tl_min(n->least_db_q8[0][b], n->least_db_q8[1][b]);
        if (n->started && floor < least) {
            floor = least;
        }
        n->floor_db_q8[b] = (int16_t)floor;
    }
    if (++n->frames == BLOCK) {
        n->frames = 0;
        n->started = 1;
        memcpy(n->least_db_q8[0], n->least_db_q8[1], sizeof n->least_db_q8[0]);
        for (int32_t b = 0; b < TL_BANDS; b++) {
            n->least_db_q8[1][b] = INT16_MAX;
        }
    }
}
