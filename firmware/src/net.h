/* The small recurrent network that decides who speaks, from the evidence of every frame.
 *
 * One layer of gated recurrent units (Cho et al. 2014, reset gate after the product) and four
 * outputs: both parties' speech, soon and once more when later frames are known. Its memory holds
 * what a fixed window cannot: how loud each party and the room have been.
 * The units multiply int8: weights Q6, evidence Q5, memory Q6 (kept in Q15), so that products are Q11
 * and Q12; the outputs take the memory as it is kept. Trained by models/speech/train.py, which writes
 * weights.c.
 */
#ifndef TL_NET_H
#define TL_NET_H

#include <stdint.h>

#include "evidence.h"
#include "weights.h"

#define TL_NET_AHEAD 3 /* frames that the network hears after the one it decides first */
#define TL_NET_CONFIRM 18 /* frames more that it has heard when it decides the same one again */
#define TL_NET_ODDS (2 * TL_CHANNELS)

typedef struct {
    int16_t memory_q15[TL_NET_UNITS]; /* within -1..1 */
} tl_net;

void tl_net_init(tl_net *n);

/* Takes the newest frame; gives the log-odds (Q8, within +-8) of speech of both parties,
 * TL_NET_AHEAD frames earlier, and then TL_NET_AHEAD + TL_NET_CONFIRM frames earlier. */
void tl_net_push(tl_net *n, const int8_t evidence[TL_EVIDENCE], int16_t odds_q8[TL_NET_ODDS]);

#endif
