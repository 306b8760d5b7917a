#include "level.h"

#include "fixed.h"
#include "turnlight.h"

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
    int16_t count = 0; /* at most 160; as narrow as the samples, so that eight are counted at once */
    for (int32_t i = 0; i < TL_HOP; i++) {
        count = (int16_t)(count + ((hop[i] == INT16_MAX) | (hop[i] <= -INT16_MAX)));
    }
    return count >= 3;
}
