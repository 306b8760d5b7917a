#include "loudness.h"

#include <string.h>

#include "bands.h"
#include "fixed.h"

#define VOICE_OVER TL_DB(30) /* a voice that nobody knows yet, over the room's floors */
#define FAINTEST TL_DB(45) /* below a voice: what is fainter is silence beside it */
#define VOICE_UP 16
#define VOICED_Q15 TL_Q(0.8, 15)
#define VOICE_DOWN_VOICED TL_DB(0.02) /* per frame: 2 dB/s while a fainter voice speaks */
#define VOICE_DOWN TL_DB(0.004)
#define STEADY_UP 32
#define STEADY_NEAR TL_DB(6)
#define STEADY_DOWN_NEAR TL_Q(0.01, 16) /* dB per frame */
#define STEADY_DOWN TL_Q(0.001, 16)
#define BACKGROUND_START TL_DB(-65)
#define BACKGROUND_UP TL_DB(0.03)   /* per frame: 3 dB/s */
#define BACKGROUND_DOWN TL_DB(0.07) /* per frame: 7 dB/s */
#define BACKGROUND_FIRST 16         /* times as fast, while the floors find the first room */
#define FLOOR_START TL_DB(-60)      /* as the noise floors start */
#define FLOOR_FRAMES 200
#define SETTLING 8        /* blocks of the room in which the floors find it */
#define TURNED TL_DB(10)  /* speech alone does not move all floors by so much */
#define ALIKE TL_DB(2.5)  /* mean distance of a band from what all of them moved by */
#define TURNING 8         /* blocks: the floors may still be on their way */
#define DRIFT TL_DB(0.5)  /* per block: a room may change by 2 dB/s without any hand at a gain */

void tl_loudness_newcomer(tl_loudness *l) {
    int16_t voice = tl_narrow16(l->floor_db_q8[0] + VOICE_OVER);
    l->usual.voice_db_q8 = l->moving_db_q8 = voice;
    l->usual.steady_db_q16 = voice * 256;
    for (int32_t k = 0; k < TL_LOUDNESS_PAST; k++) {
        l->past[k] = l->usual;
    }
}

void tl_loudness_init(tl_loudness *l) {
    *l = (tl_loudness){
        .usual.background_db_q8 = BACKGROUND_START,
        .floor_db_q8 = {FLOOR_START, FLOOR_START},
        .settling = SETTLING,
        .smooth_db_q8 = {BACKGROUND_START, BACKGROUND_START},
        .least_db_q8 = {BACKGROUND_START, BACKGROUND_START},
        .most_db_q8 = {FLOOR_START + VOICE_OVER, FLOOR_START + VOICE_OVER},
    };
    tl_loudness_newcomer(l);
    for (int32_t b = 0; b < TL_BANDS; b++) {
        l->known_db_q8[b] = l->room_db_q8[0][b] = l->room_db_q8[1][b] = FLOOR_START;
    }
}

/* A voice's level: up within 0.2 s, down slowly, faster while a fainter voice speaks. */
static int16_t voice_after(int32_t voice_db_q8, int32_t loudness, int16_t voicing_q15) {
    if (loudness > voice_db_q8) {
        voice_db_q8 += (loudness - voice_db_q8) / VOICE_UP;
    } else if (loudness > TL_BANDS_LEAST) {
        voice_db_q8 -= voicing_q15 > VOICED_Q15 ? VOICE_DOWN_VOICED : VOICE_DOWN;
    }
    return (int16_t)tl_clamp(voice_db_q8, TL_BANDS_LEAST, TL_DB(3));
}

/* The same, but what is far fainter hardly counts, though it be a voice: colleagues talk all day. */
static int32_t steady_after(int32_t steady_db_q16, int32_t loudness) {
    int32_t above_q16 = loudness * 256 - steady_db_q16; /* Q8 * 2^8 = Q16; within +-2^23 */
    if (above_q16 > 0) {
        return steady_db_q16 + above_q16 / STEADY_UP;
    }
    if (loudness <= TL_BANDS_LEAST) {
        return steady_db_q16;
    }
    return steady_db_q16 - (above_q16 > -STEADY_NEAR * 256 ? STEADY_DOWN_NEAR : STEADY_DOWN);
}

static tl_usual moved(const tl_usual *u, int32_t by_db_q8) {
    return (tl_usual){
        (int16_t)tl_clamp(u->voice_db_q8 + by_db_q8, TL_BANDS_LEAST, TL_DB(3)),
        (int16_t)tl_clamp(u->background_db_q8 + by_db_q8, TL_BANDS_LEAST, TL_DB(3)),
        tl_clamp(u->steady_db_q16 + by_db_q8 * 256, TL_BANDS_LEAST * 256, TL_DB(3) * 256),
    };
}

/* What a turned gain makes of the usual levels. A fall is found at once; a rise late, when they may
 * have followed it already: it is added to what was before, and what is higher stays. */
static void turn(tl_loudness *l, int32_t by_db_q8) {
    if (by_db_q8 > 0) {
        tl_usual risen = moved(&l->past[0], by_db_q8), *u = &l->usual;
        u->voice_db_q8 = (int16_t)tl_max(u->voice_db_q8, risen.voice_db_q8);
        u->background_db_q8 = (int16_t)tl_max(u->background_db_q8, risen.background_db_q8);
        u->steady_db_q16 = tl_max(u->steady_db_q16, risen.steady_db_q16);
    } else {
        l->usual = moved(&l->usual, by_db_q8);
    }
    for (int32_t k = 0; k < TL_LOUDNESS_PAST; k++) {
        l->past[k] = moved(&l->past[k], by_db_q8);
    }
    /* what the floors are held against: else a turned gain is evidence for two seconds more */
    l->floor_db_q8[1] = (int16_t)(l->floor_db_q8[1] + by_db_q8);
}

void tl_loudness_turned(tl_loudness *l, int32_t by_db_q8) {
    turn(l, by_db_q8);
    l->room_filled = 0;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        l->known_db_q8[b] = (int16_t)tl_clamp(l->known_db_q8[b] + by_db_q8, TL_BANDS_LEAST, TL_DB(3));
        l->room_db_q8[0][b] = l->room_db_q8[1][b] = l->known_db_q8[b];
    }
}

/* Holds the room of the last two blocks, which no word fills, against the one that is known. Returns
 * by how much a gain was turned, or 0. */
static int32_t compare_rooms(tl_loudness *l) {
    int16_t way[TL_BANDS]; /* within +-103 dB */
    int32_t mean = 0, spread = 0;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t room = tl_min(l->room_db_q8[0][b], l->room_db_q8[1][b]);
        way[b] = (int16_t)(room - l->known_db_q8[b]);
        mean += way[b];
    }
    mean /= TL_BANDS;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        spread += way[b] > mean ? way[b] - mean : mean - way[b];
    }
    int32_t far = mean >= TURNED || mean <= -TURNED;
    if (l->settling == 0 && far && spread <= ALIKE * TL_BANDS) {
        l->turning = TURNING;
    }
    int32_t most = l->settling > 0 || l->turning > 0 ? TL_DB(103) : DRIFT;
    int32_t turned = 0;
    if (l->turning > 0) {
        l->turning--;
        turned = mean;
        turn(l, turned);
    }
    for (int32_t b = 0; b < TL_BANDS; b++) {
        l->known_db_q8[b] = (int16_t)(l->known_db_q8[b] + tl_clamp(way[b], -most, most));
    }
    l->settling = (uint8_t)(l->settling > 0 ? l->settling - 1 : 0);
    return turned;
}

int32_t tl_loudness_room(tl_loudness *l, const int16_t floor_db_q8[TL_BANDS]) {
    int32_t turned = 0;
    if (l->room_filled == TL_LOUDNESS_ROOM) {
        l->room_filled = 0;
        turned = compare_rooms(l);
        memcpy(l->room_db_q8[0], l->room_db_q8[1], sizeof l->room_db_q8[0]);
        memmove(l->past, l->past + 1, sizeof l->past - sizeof l->past[0]);
        l->past[TL_LOUDNESS_PAST - 1] = l->usual;
    }
    int32_t fresh = l->room_filled++ == 0, mean = 0;
    for (int32_t b = 0; b < TL_BANDS; b++) {
        int32_t floor = floor_db_q8[b], least = l->room_db_q8[1][b];
        l->room_db_q8[1][b] = (int16_t)(fresh ? floor : tl_min(least, floor));
        mean += floor; /* also where nobody hears it: it tells of a turned gain */
    }
    mean /= TL_BANDS;
    int32_t by = mean - l->floor_db_q8[0];
    l->moving_db_q8 = (int16_t)tl_clamp(l->moving_db_q8 + by, TL_BANDS_LEAST, TL_DB(3));
    if (l->settling > 0) { /* the way to the first room that is heard takes along what is awaited */
        l->usual = moved(&l->usual, by);
        l->floor_db_q8[1] = (int16_t)mean;
    }
    l->floor_db_q8[0] = (int16_t)mean;
    l->floor_db_q8[1] = (int16_t)(l->floor_db_q8[1] + (mean - l->floor_db_q8[1]) / FLOOR_FRAMES);
    return turned;
}

/* Means, and the least and the most since the block before the running one. */
static void follow_recent(tl_loudness *l, int32_t loudness) {
    static const uint8_t part[2] = {20, 60}; /* frames */
    for (int32_t k = 0; k < 2; k++) {
        l->smooth_db_q8[k] =
            (int16_t)(l->smooth_db_q8[k] + (loudness - l->smooth_db_q8[k]) / part[k]);
    }
    if (l->filled == TL_LOUDNESS_BLOCK) {
        l->filled = 0;
        l->least_db_q8[0] = l->least_db_q8[1];
        l->most_db_q8[0] = l->most_db_q8[1];
    }
    int32_t fresh = l->filled++ == 0;
    l->least_db_q8[1] = (int16_t)(fresh ? loudness : tl_min(l->least_db_q8[1], loudness));
    l->most_db_q8[1] = (int16_t)(fresh ? loudness : tl_max(l->most_db_q8[1], loudness));
}

int32_t tl_loudness_push(tl_loudness *l, int32_t loudness_db_q8, int16_t voicing_q15) {
    tl_usual *u = &l->usual;
    u->voice_db_q8 = voice_after(u->voice_db_q8, loudness_db_q8, voicing_q15);
    u->steady_db_q16 = steady_after(u->steady_db_q16, loudness_db_q8);
    l->moving_db_q8 = voice_after(l->moving_db_q8, loudness_db_q8, voicing_q15);
    int32_t heard = tl_max(loudness_db_q8, (u->steady_db_q16 >> 8) - FAINTEST); /* Q16 >> 8 = Q8 */
    if (loudness_db_q8 > TL_BANDS_LEAST) { /* else it hides behind a mute, or behind the other */
        /* a low quantile (0.3), whoever speaks */
        int32_t step = heard > u->background_db_q8 ? BACKGROUND_UP : -BACKGROUND_DOWN;
        step *= l->settling > 0 ? BACKGROUND_FIRST : 1;
        u->background_db_q8 = (int16_t)(u->background_db_q8 + step);
    }
    follow_recent(l, heard);
    return heard;
}
