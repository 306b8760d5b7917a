/* The rows of a sound, on any machine with a C library.
 *
 *   frames RATE_HZ < sound > rows
 *
 * Sound is int16 stereo; rows are written as they lie in memory. The core runs on a painted stack
 * of its own, and the bytes of it that it touched go to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "turnlight.h"

#define SAMPLES 960 /* read at once */
#define ROWS 16     /* at least what these samples complete, or what a flush gives */
#define STACK_BYTES 262144
#define PAINT 0xA5

static tl_core core;
static int16_t pcm[SAMPLES * TL_CHANNELS];
static tl_frame rows[ROWS];
static int32_t rate_hz, samples, result;

static unsigned char stack[STACK_BYTES];
static ucontext_t here;

static void init(void) { result = tl_init(&core, rate_hz); }
static void process(void) { result = tl_process(&core, pcm, samples, rows, ROWS); }
static void flush(void) { result = tl_flush(&core, rows, ROWS); }

static _Noreturn void fail(void) {
    perror("frames");
    exit(1);
}

static void on_painted_stack(void (*call)(void)) {
    ucontext_t there;
    if (getcontext(&there) != 0) {
        fail();
    }
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &here;
    makecontext(&there, call, 0);
    if (swapcontext(&here, &there) != 0) {
        fail();
    }
    if (result < 0) {
        (void)fprintf(stderr, "frames: the core says %d\n", (int)result);
        exit(1);
    }
}

static void write_rows(void) {
    if (fwrite(rows, sizeof rows[0], (size_t)result, stdout) != (size_t)result) {
        fail();
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        (void)fputs("Usage: frames RATE_HZ < sound > rows\n", stderr);
        return 2;
    }
    memset(stack, PAINT, sizeof stack);
    rate_hz = (int32_t)strtol(argv[1], 0, 10);
    on_painted_stack(init);
    while ((samples = (int32_t)fread(pcm, sizeof pcm[0] * TL_CHANNELS, SAMPLES, stdin)) > 0) {
        on_painted_stack(process);
        write_rows();
    }
    on_painted_stack(flush);
    write_rows();
    size_t untouched = 0;
    while (untouched < sizeof stack && stack[untouched] == PAINT) {
        untouched++;
    }
    (void)fprintf(stderr, "stack %zu\n", sizeof stack - untouched);
    return 0;
}
