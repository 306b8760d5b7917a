#include "level.h"

#include "fixed.h"
#include "turnlight.h"

#define ENDS 3     /* samples at full scale that are no accident */
#define LOUD 16384 /* -6 dBFS: G.711's coarse steps make plateaus of fainter tones */
#define FLAT 5     /* equal neighbours at the extremes: two plateaus, or a long one */

int16_t tl_level_db_q8(const int16_t *hop) {
    uint64_t sum = 0; /* 160 * 2^30 < 2^38; of two squares 2^31, which 32 bits hold */
    for (int32_t i = 0; i < TL_HOP / 2; i++) {
        int32_t a = hop[i], b = hop[i + TL_HOP / 2];
        sum += (uint32_t)(a * a) + (uint32_t)(b * b);
    }
    if (sum == 0) {
        return TL_DB_NONE;
    }
    /* 10 log10(160) = 22.041, 20 log10(32768) = 90.309 */
    return tl_narrow16(tl_db_q8_of(sum) - TL_DB(22.041) - TL_DB(90.309));
}

int32_t tl_level_clipped(const int16_t *hop) {
    /* as narrow as the samples, so that eight go at once */
    int16_t highest = 0, lowest = 0;
    for (int32_t i = 0; i < TL_HOP; i++) {
        highest = hop[i] > highest ? hop[i] : highest;
        lowest = hop[i] < lowest ? hop[i] : lowest;
    }
    if (highest < LOUD && lowest > -LOUD) {
        return 0;
    }
    /* an extreme that is not loud is none */
    highest = highest < LOUD ? INT16_MAX : highest;
    lowest = lowest > -LOUD ? INT16_MIN : lowest;
    int32_t ends = 0, flat = 0;
    for (int32_t i = 0; i < TL_HOP; i++) {
        ends += hop[i] == INT16_MAX || hop[i] <= -INT16_MAX;
    }
    for (int32_t i = 1; i < TL_HOP; i++) {
        flat += hop[i] == hop[i - 1] && (hop[i] == highest || hop[i] == lowest);
    }
    return ends >= ENDS || flat >= FLAT;
}
