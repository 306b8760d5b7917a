/* For training only: the core with one more door, which hands out the network's input. */
#include "../src/core.c"

/* evidence: one row of TL_EVIDENCE per completed hop, TL_NET_AHEAD + 1 hops behind the sound that
 * the network decides with it. Returns the number of hops. */
int32_t tl_dump_evidence(tl_core *core, const int16_t *pcm, int32_t samples, int8_t *evidence) {
    state *s = (state *)core->bytes;
    int32_t hops = 0;
    for (int32_t i = 0; i + TL_HOP <= samples; i += TL_HOP) {
        tl_frame rows[2];
        tl_process(core, pcm + TL_CHANNELS * i, TL_HOP, rows, 2);
        memcpy(evidence + hops++ * TL_EVIDENCE, s->net.evidence[s->net.at], TL_EVIDENCE);
    }
    return hops;
}
