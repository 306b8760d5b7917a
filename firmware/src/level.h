/* Level of one hop in dBFS, and whether it clips. */
#ifndef TL_LEVEL_H
#define TL_LEVEL_H

#include <stdint.h>

/* hop: 160 samples. Returns 10 log10(mean(x^2)) - 90.31 in Q8, TL_DB_NONE for digital silence. */
int16_t tl_level_db_q8(const int16_t *hop);

/* 1 when three or more samples stand at full scale, or when a loud hop is flat at its extremes: what
 * was clipped before a codec (G.711 ends at 32124 or 32256), or before a gain below 1. */
int32_t tl_level_clipped(const int16_t *hop);

#endif
