/* The kernel's records, one after another, as a recording takes them in. */
#include "collect/cpu.h"
#include "collect/track.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct diag diag;
    struct gather *gather = gather_new(&collect_cpu, &err);
    const struct track_options options = {.scope = TRACK_COMMAND, .root = 1, .period_ns = 10000000};
    struct track *track = gather ? track_new(gather, &options, &err) : NULL;
    if (!track)
        abort();
    diag_init(&diag);
    struct perf_event_header header;
    for (size_t at = 0; size - at >= sizeof header; at += header.size) {
        memcpy(&header, data + at, sizeof header);
        if (header.size < sizeof header || header.size > size - at)
            break;
        struct perf_event_header *raw = malloc(header.size); /* aligned, as rings are */
        struct perf_record record;
        if (!raw)
            abort();
        memcpy(raw, data + at, header.size);
        perf_record_time(raw);
        perf_decode(raw, &record);
        track_record(track, &record);
        free(raw);
    }
    track_n_running(track);
    profile_free(gather_seal(gather, &(struct gather_header){.period = 1}, &diag, &err));
    track_free(track);
    gather_free(gather);
    diag_release(&diag);
    return 0;
}
