#include "gain.h"

#include <string.h>

#include "fixed.h"

#define LEAST TL_DB(15)      /* a jump */
#define LEAST_RISE TL_DB(12) /* ... and what is left of it when it is judged */
#define UNEVEN TL_DB(7)      /* mean distance of the bands from the jump, at most */
#define ROOM_UNEVEN TL_DB(6) /* ... and of what is left of it */
#define RISEN 100            /* frames: no voice keeps all bands up for so long */
#define SOON 20              /* frames in which the other channel may tell ... */
#define MISSING TL_DB(8)     /* that so much is missing in it ... */
#define MISSED 10            /* in so many of them: later than any leak comes */
#define USUAL_MISSING TL_DB(-4) /* a channel is a little louder than its leak explains */
#define STRAY 3              /* bands that may be off: a hum, a tone */

void tl_gain_init(tl_gain *g) { memset(g, 0, sizeof *g); }

/* Mean over the bands of how far the newer frames lie above the older ones, where they all do by
 * about as much; else 0. */
static int32_t jump_of(const tl_gain *g) {
    int16_t way_q8[TL_BANDS]; /* within +-103 dB */
    int32_t mean = 0, uneven = 0;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        way_q8[b] = (int16_t)(g->newer_db_q8[b] - g->older_db_q8[b]);
        mean += way_q8[b];
    }
    mean /= TL_BANDS;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        uneven += tl_abs(way_q8[b] - mean);
    }
    return mean >= LEAST && uneven <= UNEVEN * TL_BANDS ? mean : 0;
}

/* Whether the sound came back near the room since the jump: then it was no gain. */
static int32_t came_back(const tl_gain *g) {
    int32_t near = 0;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        near += g->least_db_q8[b] <= g->room_db_q8[b] + g->jump_db_q8 / 2;
    }
    return near > STRAY;
}

/* By how much the least that was heard since the jump lies above the room, where it does so alike in
 * all bands; else 0: a machine that started has another colour. */
static int32_t rise_of(const tl_gain *g) {
    int32_t mean = 0, uneven = 0; /* twenty of +-103 dB */
    for (int32_t b = 0; b < TL_BANDS; b++) {
        mean += g->least_db_q8[b] - g->room_db_q8[b];
    }
    mean /= TL_BANDS;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        uneven += tl_abs(g->least_db_q8[b] - g->room_db_q8[b] - mean);
    }
    return mean >= LEAST_RISE && uneven <= ROOM_UNEVEN * TL_BANDS ? tl_min(mean, g->jump_db_q8) : 0;
}

/* Moves on by one frame; both sums are of Q6 levels within -100..3 dB, four of which fit 16 bits. */
static void push(tl_gain *g, const int16_t bands_db_q8[TL_BANDS]) {
    int16_t *newest = g->past_db_q6[g->at]; /* takes the oldest one's place */
    const int16_t *turns_old = g->past_db_q6[(g->at + TL_GAIN_MEAN) % TL_GAIN_PAST];
    const int16_t *turns_past = g->past_db_q6[(g->at + TL_GAIN_MEAN + TL_GAIN_GAP) % TL_GAIN_PAST];
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int16_t level_q6 = (int16_t)(bands_db_q8[b] >> 2);
        g->older_db_q8[b] = (int16_t)(g->older_db_q8[b] + turns_old[b] - newest[b]);
        g->newer_db_q8[b] = (int16_t)(g->newer_db_q8[b] + level_q6 - turns_past[b]);
        newest[b] = level_q6;
    }
    g->at = (uint8_t)((g->at + 1) % TL_GAIN_PAST);
}

static void look_at(tl_gain *g, int32_t jump) {
    g->jump_db_q8 = (int16_t)jump;
    memcpy(g->least_db_q8, g->newer_db_q8, sizeof g->least_db_q8);
}

int32_t tl_gain_push(tl_gain *g, const tl_bands *bands, const int16_t room_db_q8[TL_BANDS],
                     int32_t missing_db_q8) {
    push(g, bands->db_q8);
    g->heard = (uint8_t)(bands->silent ? 0 : tl_min(g->heard + 1, TL_GAIN_PAST));
    if (g->heard < TL_GAIN_PAST) {
        g->jump_db_q8 = 0;
        return 0;
    }
    int32_t jump = jump_of(g);
    if (g->jump_db_q8 == 0) {
        if (jump > 0) {
            memcpy(g->room_db_q8, room_db_q8, sizeof g->room_db_q8);
            look_at(g, jump);
            g->since = g->missed = 0;
            g->missing_db_q8 = 0;
        }
        return 0;
    }
    if (jump > g->jump_db_q8 && g->since < TL_GAIN_PAST) { /* it was still on its way */
        look_at(g, jump);
        return 0;
    }
    g->since++;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        g->least_db_q8[b] = (int16_t)tl_min(g->least_db_q8[b], g->newer_db_q8[b]);
    }
    int32_t rise, judged;
    if (g->since <= SOON) {
        int32_t missed = missing_db_q8 >= MISSING;
        g->missed = (uint8_t)(g->missed + missed);
        g->missing_db_q8 += missed ? missing_db_q8 : 0; /* ten of 206 dB at most */
        judged = g->missed >= MISSED;
        /* a word that begins at that moment makes the jump too high */
        rise = judged ? tl_min(g->jump_db_q8, g->missing_db_q8 / MISSED - USUAL_MISSING) : 0;
    } else {
        int32_t back = came_back(g);
        judged = back || g->since >= RISEN;
        rise = judged && !back ? rise_of(g) : 0;
    }
    if (judged) {
        g->jump_db_q8 = 0;
        g->heard = 0; /* the same jump is not seen twice */
    }
    return rise;
}
