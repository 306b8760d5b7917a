/* How loud one party and its room usually are, in several memories.
 *
 * A gain that is turned moves voice and room alike, and it moves every band by as much; a noise that
 * comes or goes has another colour than the room. So what is usual moves with the room where all of
 * its bands move at once.
 */
#ifndef TL_LOUDNESS_H
#define TL_LOUDNESS_H

#include <stdint.h>

#include "turnlight.h"

#define TL_LOUDNESS_BLOCK 100 /* frames */
#define TL_LOUDNESS_ROOM 25   /* frames of a block of the room, where one is heard */
#define TL_LOUDNESS_PAST 10   /* of these: longer than it takes to find a rise */

typedef struct {
    int16_t voice_db_q8;      /* of this party's own voice */
    int16_t background_db_q8; /* of what is always there */
    int32_t steady_db_q16;    /* how loud the voice gets, kept through the other's long turns */
} tl_usual;

typedef struct {
    tl_usual usual;
    tl_usual past[TL_LOUDNESS_PAST]; /* the oldest first, TL_LOUDNESS_ROOM apart */
    int16_t moving_db_q8;            /* the voice, moving with the mean floor however it moves */
    int16_t floor_db_q8[2];          /* mean of the bands' floors: now, and over 2 s */
    int16_t room_db_q8[2][TL_BANDS]; /* least floors: of the block before, of the running one */
    int16_t known_db_q8[TL_BANDS];   /* the room for which the usual levels hold */
    int16_t smooth_db_q8[2];         /* loudness over 200 and 600 ms */
    int16_t least_db_q8[2];          /* of the loudness: in the block before, in the running one */
    int16_t most_db_q8[2];
    uint8_t filled, room_filled; /* frames of the running blocks */
    uint8_t settling; /* blocks of the room until the first one is known */
    uint8_t turning;  /* blocks of the room in which a turned gain's rest is taken */
} tl_loudness;

void tl_loudness_init(tl_loudness *l);

/* The room of the frame that is pushed next, where one is heard; floor: of every band. Returns by
 * how much a gain was found turned with this frame, Q8 dB, or 0. */
int32_t tl_loudness_room(tl_loudness *l, const int16_t floor_db_q8[TL_BANDS]);

/* A gain was found turned up by so much, Q8 dB, before the room could tell. */
void tl_loudness_turned(tl_loudness *l, int32_t by_db_q8);

/* Somebody may speak next whose voice nobody knows: a telephone rang. */
void tl_loudness_newcomer(tl_loudness *l);

/* loudness: level of what the other channel does not explain. Returns how loud that is beside this
 * party's voice: what lies 45 dB below the voice is silence, so a softer call looks the same. */
int32_t tl_loudness_push(tl_loudness *l, int32_t loudness_db_q8, int16_t voicing_q15);

#endif
