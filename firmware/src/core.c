#include <string.h>

#include "bands.h"
#include "bleed.h"
#include "decimate.h"
#include "delay.h"
#include "evidence.h"
#include "fixed.h"
#include "gain.h"
#include "level.h"
#include "music.h"
#include "net.h"
#include "noise.h"
#include "pitch.h"
#include "speech.h"
#include "syllable.h"
#include "tone.h"
#include "turnlight.h"

#define MAGIC (0x544C0000u + TL_VERSION)
#define PENDING (TL_LOOKAHEAD + 1)
#define NOT_SPEECH_Q8 TL_Q(-6, 8) /* log-odds where a tone or music was found */
#define LEAST_Q8 TL_Q(-8, 8)       /* the network's */
/* Log-odds of music from which half of what is more counts against speech. The network hears them
 * too, but it has learnt from some tracks what music is like; this holds for the others. */
#define LIKE_MUSIC_Q8 TL_Q(-3, 8)
#define AGENT 0
#define CUSTOMER 1
#define RINGING 50 /* frames of a tone after which somebody else may answer */
/* what each stage looks at lies so many frames before the newest hop */
#define BANDS_BEHIND 1
#define PITCH_BEHIND (2 + TL_PITCH_LATE)
#define CONFIRM_BEHIND (TL_LOOKAHEAD + TL_NET_CONFIRM)

_Static_assert(TL_LOOKAHEAD == BANDS_BEHIND + TL_NET_AHEAD, "a row waits for its last evidence");
_Static_assert(TL_LOOKAHEAD >= PITCH_BEHIND, "a row waits for its pitch");
_Static_assert(TL_CONFIRM == TL_NET_CONFIRM + TL_SPEECH_BEHIND, "what is confirmed is a mean");
_Static_assert(1 + TL_LOOKAHEAD + TL_CONFIRM <= 25, "a frame is decided for good in 250 ms");
_Static_assert(CONFIRM_BEHIND - BANDS_BEHIND < 32, "32 frames are known not to be speech");
_Static_assert(TL_LOOKAHEAD == BANDS_BEHIND + TL_SYLLABLE_BEHIND, "a row waits for its nucleus");
_Static_assert(sizeof(tl_frame) == 116, "the rows' layout is a contract");

typedef struct {
    tl_decimate decimate;
    int16_t sound[TL_WINDOW_N]; /* newest samples, oldest first */
    tl_pitch pitch;
    tl_noise noise;
    tl_gain gain;
    tl_delay delay; /* of the other channel's leak into this one */
    tl_bleed leak;
    tl_tone tone;
    tl_music music;
    tl_syllable syllable;
    /* that a tone or music was found in a frame: bit k tells of the one k before the bands' newest */
    uint32_t not_speech;
    tl_speech soon, confirmed;
} channel;

typedef struct {
    uint32_t magic;
    int32_t rate_hz;
    int32_t fill;  /* samples of the hop that is being filled */
    uint32_t hops; /* hops heard */
    int16_t hop[TL_CHANNELS][3 * TL_HOP]; /* at the sound's own rate */
    channel channels[TL_CHANNELS];
    tl_evidence evidence;
    tl_net net;
    tl_frame pending[PENDING]; /* rows that wait; frame f stands at f % PENDING */
} state;

_Static_assert(sizeof(state) <= TL_CORE_BYTES, "TL_CORE_BYTES is too small");

static tl_frame *row_of(state *s, uint32_t frame) { return &s->pending[frame % PENDING]; }

/* Level, spectrum and pitch of one channel; each result goes to the row of its own moment, but for
 * the newest periodicity, which is evidence at once. */
static void measure(state *s, int32_t c, tl_bands *bands, tl_pitch_result *pitch) {
    channel *ch = &s->channels[c];
    const int16_t *hop = s->hop[c];
    int16_t decimated[TL_HOP];
    uint32_t now = s->hops;
    tl_frame *row = row_of(s, now);

    if (s->rate_hz != TL_RATE_HZ) {
        tl_decimate_push(&ch->decimate, hop, decimated);
        hop = decimated;
    }
    memmove(ch->sound, ch->sound + TL_HOP, (TL_WINDOW_N - TL_HOP) * sizeof ch->sound[0]);
    memcpy(ch->sound + TL_WINDOW_N - TL_HOP, hop, TL_HOP * sizeof hop[0]);
    row->level_db_q8[c] = tl_level_db_q8(hop);
    row->flags[c] = tl_level_clipped(hop) ? TL_FLAG_CLIPPED : 0;

    tl_bands_of(ch->sound, bands);
    if (now >= BANDS_BEHIND) {
        memcpy(row_of(s, now - BANDS_BEHIND)->bands_db_q8[c], bands->db_q8, sizeof bands->db_q8);
    }
    tl_pitch_push(&ch->pitch, hop, pitch);
    if (now >= PITCH_BEHIND) {
        row_of(s, now - PITCH_BEHIND)->f0_hz_q4[c] = pitch->f0_hz_q4;
        row_of(s, now - PITCH_BEHIND)->voicing_q15[c] = pitch->voicing_q15;
    }
}

/* Sets a flag in the newest `frames` rows that the bands told about, as far as they still wait; none
 * of these frames is speech. */
static void mark(state *s, int32_t c, uint8_t flag, int32_t frames) {
    s->channels[c].not_speech |= (uint32_t)((1ull << tl_min(frames, 32)) - 1);
    for (int32_t i = 0; i < tl_min(frames, TL_LOOKAHEAD); i++) {
        if (s->hops >= (uint32_t)(BANDS_BEHIND + i)) {
            row_of(s, s->hops - (uint32_t)(BANDS_BEHIND + i))->flags[c] |= flag;
        }
    }
}

/* Decides the frame that lies `behind` the newest one. */
static uint8_t decide_speech(tl_speech *speech, const channel *ch, int32_t behind, int16_t odds_q8,
                             int16_t *probability_q15) {
    int32_t spoken = (ch->not_speech >> (behind - BANDS_BEHIND) & 1) == 0;
    int32_t like_music_q8 = tl_max(ch->music.odds_q8 - LIKE_MUSIC_Q8, 0) / 2;
    int32_t speech_q8 = spoken ? tl_max(odds_q8 - like_music_q8, LEAST_Q8) : NOT_SPEECH_Q8;
    tl_speech_result result;
    tl_speech_push(speech, (int16_t)speech_q8, &result);
    *probability_q15 = result.probability_q15;
    return result.talk;
}

/* Speech of both channels, decided together: what the other one explains is not evidence. */
static void decide(state *s, const tl_bands bands[TL_CHANNELS],
                   const tl_pitch_result pitch[TL_CHANNELS]) {
    int16_t leak_db_q8[TL_CHANNELS][TL_BANDS];
    tl_evidence_in seen[TL_CHANNELS];
    int8_t evidence[TL_EVIDENCE];
    int16_t odds_q8[TL_NET_ODDS];
    int32_t tones[TL_CHANNELS], risen_db_q8[TL_CHANNELS];
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel *ch = &s->channels[c];
        int32_t delay = tl_delay_push(&ch->delay, bands[1 - c].db_q8, bands[c].db_q8);
        tl_bleed_explain(&ch->leak, bands[1 - c].db_q8, delay, leak_db_q8[c]);
    }
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel *ch = &s->channels[c];
        tl_loudness *loudness = &s->evidence.loudness[c];
        /* a mute tells nothing about a room that is known */
        if (!bands[c].silent || loudness->settling > 0) {
            tl_noise_push(&ch->noise, bands[c].db_q8);
        }
        /* asked for only where a jump is being looked at */
        int32_t missing_db_q8 =
            ch->gain.jump_db_q8 == 0
                ? TL_DB_NONE
                : tl_bleed_missing_db_q8(&s->channels[1 - c].leak, bands[1 - c].db_q8);
        int32_t found_db_q8 =
            tl_gain_push(&ch->gain, &bands[c], loudness->known_db_q8, missing_db_q8);
        risen_db_q8[c] = loudness->settling > 0 ? 0 : found_db_q8; /* no room is known yet */
        if (risen_db_q8[c] != 0) {
            tl_noise_turned(&ch->noise, ch->gain.room_db_q8, risen_db_q8[c]);
            tl_loudness_turned(loudness, risen_db_q8[c]);
        }
        tones[c] = tl_tone_push(&ch->tone, &bands[c]);
        /* another customer will answer; the agent, who hears it ring too, stays */
        if (c == CUSTOMER && tones[c] >= RINGING) {
            tl_loudness_newcomer(loudness);
        }
        seen[c] = (tl_evidence_in){&bands[c], ch->noise.floor_db_q8, leak_db_q8[c],
                                   tl_bleed_unexplained_db_q8(bands[c].db_q8, leak_db_q8[c]),
                                   pitch[c].quick_q15, pitch[c].quick_lag_log2_q11,
                                   ch->music.odds_q8};
    }
    tl_evidence_push(&s->evidence, seen, evidence);
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        /* a rise is found by its jump; that of the room comes late, and may be what speech left */
        int32_t own_db_q8 = risen_db_q8[c] + tl_min(s->evidence.turned_db_q8[c], 0);
        if (own_db_q8 != 0 || risen_db_q8[1 - c] != 0) {
            tl_bleed_turned(&s->channels[c].leak, own_db_q8, risen_db_q8[1 - c]);
        }
    }
    tl_net_push(&s->net, evidence, odds_q8);
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel *ch = &s->channels[c];
        tl_bleed_learn(&ch->leak, s->channels[1 - c].noise.floor_db_q8, bands[c].db_q8,
                       ch->noise.floor_db_q8);
        ch->not_speech <<= 1;
        mark(s, c, TL_FLAG_TONE, tones[c]);
        if (tones[c] == 0) {
            mark(s, c, TL_FLAG_MUSIC,
                 tl_music_push(&ch->music, &bands[c], seen[c].loudness_db_q8, pitch[c].quick_q15));
        }
        if (s->hops >= TL_LOOKAHEAD) {
            tl_frame *row = row_of(s, s->hops - TL_LOOKAHEAD);
            if (tl_syllable_push(&ch->syllable, bands[c].db_q8, pitch[c].quick_q15, row->voicing_q15[c])) {
                row->flags[c] |= TL_FLAG_NUCLEUS;
            }
            row->talk[c] = decide_speech(&ch->soon, ch, TL_LOOKAHEAD, odds_q8[c], &row->speech_q15[c]);
            if (s->hops >= TL_LOOKAHEAD + TL_CONFIRM) {
                row->confirmed[c] =
                    decide_speech(&ch->confirmed, ch, CONFIRM_BEHIND, odds_q8[TL_CHANNELS + c],
                                  &row->confirmed_q15[c]);
            }
        }
    }
}

/* One hop of both channels. Returns 1 and a finished row once the lookahead is filled. */
static int32_t push_hop(state *s, tl_frame *out) {
    tl_bands bands[TL_CHANNELS];
    tl_pitch_result pitch[TL_CHANNELS];
    memset(row_of(s, s->hops), 0, sizeof(tl_frame));
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        measure(s, c, &bands[c], &pitch[c]);
    }
    decide(s, bands, pitch);
    uint32_t now = s->hops++;
    if (now < TL_LOOKAHEAD) {
        return 0;
    }
    tl_frame *row = row_of(s, now - TL_LOOKAHEAD);
    row->t_ms = (now - TL_LOOKAHEAD) * 10;
    row->bleed_db_q8 = tl_bleed_gain_db_q8(&s->channels[AGENT].leak);
    row->sidetone_db_q8 = tl_bleed_gain_db_q8(&s->channels[CUSTOMER].leak);
    *out = *row;
    return 1;
}

int32_t tl_init(tl_core *core, int32_t rate_hz) {
    if (core == 0) {
        return TL_ERR_NULL;
    }
    if (rate_hz != TL_RATE_HZ && rate_hz != 3 * TL_RATE_HZ) {
        return TL_ERR_RATE;
    }
    memset(core, 0, sizeof *core);
    state *s = (state *)core->bytes;
    s->magic = MAGIC;
    s->rate_hz = rate_hz;
    tl_evidence_init(&s->evidence);
    tl_net_init(&s->net);
    for (int32_t c = 0; c < TL_CHANNELS; c++) {
        channel *ch = &s->channels[c];
        tl_decimate_init(&ch->decimate);
        tl_pitch_init(&ch->pitch);
        tl_gain_init(&ch->gain);
        tl_noise_init(&ch->noise);
        tl_delay_init(&ch->delay);
        tl_bleed_init(&ch->leak);
        tl_tone_init(&ch->tone);
        tl_music_init(&ch->music);
        tl_syllable_init(&ch->syllable);
        tl_speech_init(&ch->soon, TL_TALK_SOON_Q8, 1);
        tl_speech_init(&ch->confirmed, TL_TALK_CONFIRMED_Q8, TL_SPEECH_FRAMES);
    }
    return TL_OK;
}

static int32_t hop_samples(const state *s) { return s->rate_hz / TL_RATE_HZ * TL_HOP; }

int32_t tl_rows_max(const tl_core *core, int32_t samples) {
    const state *s = core == 0 ? 0 : (const state *)core->bytes;
    if (s == 0) {
        return TL_ERR_NULL;
    }
    if (s->magic != MAGIC) {
        return TL_ERR_STATE;
    }
    if (samples < 0) {
        return TL_ERR_COUNT;
    }
    return samples / hop_samples(s) + 1;
}

int32_t tl_process(tl_core *core, const int16_t *pcm, int32_t samples, tl_frame *rows,
                   int32_t rows_max) {
    int32_t needed = tl_rows_max(core, samples);
    if (needed < 0) {
        return needed;
    }
    if ((pcm == 0 && samples > 0) || rows == 0) {
        return TL_ERR_NULL;
    }
    if (rows_max < needed) {
        return TL_ERR_SPACE;
    }
    state *s = (state *)core->bytes;
    int32_t done = 0;
    for (int32_t taken; samples > 0; pcm += TL_CHANNELS * taken, samples -= taken) {
        taken = tl_min(samples, hop_samples(s) - s->fill);
        for (int32_t i = 0; i < taken; i++) {
            s->hop[AGENT][s->fill + i] = pcm[TL_CHANNELS * i + AGENT];
            s->hop[CUSTOMER][s->fill + i] = pcm[TL_CHANNELS * i + CUSTOMER];
        }
        s->fill += taken;
        if (s->fill == hop_samples(s)) {
            s->fill = 0;
            done += push_hop(s, rows + done);
        }
    }
    return done;
}

int32_t tl_flush(tl_core *core, tl_frame *rows, int32_t rows_max) {
    if (core == 0 || rows == 0) {
        return TL_ERR_NULL;
    }
    state *s = (state *)core->bytes;
    if (s->magic != MAGIC) {
        return TL_ERR_STATE;
    }
    if (rows_max < TL_LOOKAHEAD) {
        return TL_ERR_SPACE;
    }
    /* silence stands in for the sound that will not come */
    memset(s->hop, 0, sizeof s->hop);
    int32_t done = 0;
    for (int32_t i = 0; i < TL_LOOKAHEAD; i++) {
        done += push_hop(s, rows + done);
    }
    s->magic = 0;
    return done;
}
