/* For training only: the core with one more door, which hands out the music network's input. */
#include "../src/core.c"

/* inputs: one row of TL_CHANNELS * TL_MUSIC_INPUTS per ten hops. Returns the number of rows. */
int32_t tl_dump_music(tl_core *core, const int16_t *pcm, int32_t samples, int16_t *inputs) {
    state *s = (state *)core->bytes;
    int32_t rows = 0;
    for (int32_t i = 0; i + 10 * TL_HOP <= samples; i += 10 * TL_HOP, rows++) {
        tl_frame frames[11];
        tl_process(core, pcm + TL_CHANNELS * i, 10 * TL_HOP, frames, 11);
        for (int32_t c = 0; c < TL_CHANNELS; c++) {
            tl_music_inputs(&s->channels[c].music, inputs);
            inputs += TL_MUSIC_INPUTS;
        }
    }
    return rows;
}
