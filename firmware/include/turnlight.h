/* Turnlight core: 10 ms frames of two-channel sound in, numbers out.
 *
 * Integers only, no heap, no I/O, no clock. The caller owns one struct without pointers, so it
 * may be copied, saved and compared. Channel 0 is the agent's microphone, channel 1 the earpiece
 * (the customer). Both are decided together: what leaks from one into the other is not speech
 * there. Any split of the same sound gives the same rows; tl_init equals a fresh start.
 *
 * Q formats stand in the names: level_db_q8 is dB in Q8 (value / 256). dBFS here is the RMS
 * against a full-scale square wave, so a full-scale sine is -3.01 dBFS.
 */
#ifndef TURNLIGHT_H
#define TURNLIGHT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TL_API __attribute__((visibility("default")))
#else
#define TL_API
#endif

#define TL_VERSION 1
#define TL_RATE_HZ 16000
#define TL_HOP 160        /* samples per channel in one frame: 10 ms at 16 kHz */
#define TL_CHANNELS 2
#define TL_BANDS 20       /* log bands per channel, see firmware/README.md for their edges */
#define TL_LOOKAHEAD 4    /* frames: a row is given when this many later frames were heard */
#define TL_CONFIRM 20     /* frames: a row also says what is known by now of the one so far before */
#define TL_DB_NONE INT16_MIN /* "not measured", for bleed and sidetone; also the least level */

enum tl_error {
    TL_OK = 0,
    TL_ERR_NULL = -1,   /* a pointer is null */
    TL_ERR_RATE = -2,   /* the rate is neither 16000 nor 48000 */
    TL_ERR_COUNT = -3,  /* a count is negative */
    TL_ERR_SPACE = -4,  /* the row buffer is too small for this much sound; nothing was consumed */
    TL_ERR_STATE = -5   /* the struct was never initialised, or by another version */
};

/* bits of tl_frame.flags */
#define TL_FLAG_CLIPPED 1u /* samples at full scale in this frame */
#define TL_FLAG_TONE 2u    /* ringback, busy or DTMF: a steady tone, not speech */
#define TL_FLAG_MUSIC 4u   /* music on hold */
#define TL_FLAG_NUCLEUS 8u /* a syllable's nucleus, if this party talks */

/* One row per 10 ms. Arrays are indexed by channel: 0 agent, 1 customer. 116 bytes.
 *
 * Who talks is told twice: at once, and again TL_CONFIRM rows later, when what came after is known
 * too. What is counted should go by the second, which is right more often. */
typedef struct {
    uint32_t t_ms;                /* start of the frame this row is about */
    uint8_t talk[TL_CHANNELS];    /* 1 while this party talks (hysteresis) */
    uint8_t confirmed[TL_CHANNELS]; /* talk of the frame TL_CONFIRM before; 0 where there was none */
    uint8_t flags[TL_CHANNELS];   /* TL_FLAG_* */
    uint8_t unused[2];            /* 0 */
    int16_t speech_q15[TL_CHANNELS];   /* probability that this party speaks */
    int16_t confirmed_q15[TL_CHANNELS]; /* ... that it spoke, TL_CONFIRM frames before */
    int16_t level_db_q8[TL_CHANNELS];  /* dBFS of this hop; silence is TL_DB_NONE */
    uint16_t f0_hz_q4[TL_CHANNELS];    /* 0 where unvoiced */
    int16_t voicing_q15[TL_CHANNELS];  /* periodicity, 0..1 */
    int16_t bleed_db_q8;     /* customer into microphone; TL_DB_NONE before it was measured */
    int16_t sidetone_db_q8;  /* agent into earpiece; TL_DB_NONE before it was measured */
    int16_t bands_db_q8[TL_CHANNELS][TL_BANDS]; /* log band energies, dBFS of the band */
} tl_frame;

/* The caller's struct; what is inside belongs to the core. */
#define TL_CORE_BYTES 16384
typedef union {
    int64_t align;
    uint8_t bytes[TL_CORE_BYTES];
} tl_core;

/* Starts (or starts again) for sound at rate_hz, 16000 or 48000. */
TL_API int32_t tl_init(tl_core *core, int32_t rate_hz);

/* Takes `samples` stereo samples (interleaved, agent first) and writes the rows that they
 * complete. Returns the number of rows, or a negative tl_error. `rows_max` must be at least
 * tl_rows_max(core, samples). */
TL_API int32_t tl_process(tl_core *core, const int16_t *pcm, int32_t samples, tl_frame *rows,
                          int32_t rows_max);

/* Upper bound of the rows that `samples` more samples can complete. */
TL_API int32_t tl_rows_max(const tl_core *core, int32_t samples);

/* Ends the sound: writes the rows still held back by the lookahead (at most TL_LOOKAHEAD + 1;
 * a last piece shorter than a hop is dropped). The core then needs tl_init. */
TL_API int32_t tl_flush(tl_core *core, tl_frame *rows, int32_t rows_max);

#ifdef __cplusplus
}
#endif
#endif
