/* An execution trace of any version: in order, as text, as it stands in the file. */
#include "fuzz_file.h"
#include "trace/trace_parsed.h"
#include "trace/trace_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Texts may be far longer than the trace. */
static bool forget(void *arg, struct buf *buf)
{
    buf_clear(buf);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF out = {.sink = forget};
    struct err err = {0};
    struct trace_reader *reader = trace_reader_open_memory(data, size, "input", &err);
    if (reader && !trace_parsed(reader, &out, &err))
        fuzz_read(err.msg);
    trace_reader_free(reader);
    struct fuzz_file file;
    fuzz_file_init(&file, data, size);
    if (!trace_wire(file.path, &out, &err))
        fuzz_read(err.msg);
    if (!trace_footprint(file.path, &out, &err))
        fuzz_read(err.msg);
    fuzz_file_release(&file);
    return 0;
}
