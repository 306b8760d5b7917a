/* The small int8 network that decides who speaks, from the features of nine frames.
 *
 * Three dense layers, ReLU between them. Scales: features 1/32, weights 1/64, hidden values 1/16.
 * Trained by models/speech/train.py, which also writes weights.c.
 */
#ifndef TL_NET_H
#define TL_NET_H

#include <stdint.h>

#include "evidence.h"
#include "weights.h"

#define TL_NET_AHEAD 3
#define TL_NET_FRAMES 20 /* frames kept: 16 before the one decided, itself, 3 after */

typedef struct {
    int8_t evidence[TL_NET_FRAMES][TL_EVIDENCE]; /* ring */
    uint8_t at;                                  /* where the newest frame stands */
    uint8_t started;
} tl_net;

void tl_net_init(tl_net *n);

/* Takes the newest frame; gives the log-odds (Q8) of speech of both parties, TL_NET_AHEAD frames
 * earlier. */
void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_CHANNELS]);

#endif
